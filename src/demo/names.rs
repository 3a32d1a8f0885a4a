//! What things and people are called in the demo: accounts, their teams, and names from several languages.

/// An account, the domain of its e-mails, and its teams.
pub struct Firm {
    pub id: &'static str,
    pub name: &'static str,
    pub domain: &'static str,
    pub teams: &'static [&'static str],
}

/// Half of the people are in the first one.
#[rustfmt::skip]
pub const FIRMS: &[Firm] = &[
    Firm {
        id: "2311", name: "Northwind Trading", domain: "northwind.example",
        teams: &["Sales", "Customer Care", "Operations", "Finance", "Product", "Wholesale 2024"],
    },
    Firm {
        id: "2312", name: "Müller & Söhne Logistik", domain: "mueller-soehne.example",
        teams: &["Disposition", "Fuhrpark", "Lager Süd", "Buchhaltung", "Vertrieb"],
    },
    Firm { id: "2313", name: "小林デザイン", domain: "kobayashi.example", teams: &["企画", "デザイン", "制作", "営業"] },
    Firm {
        id: "2314", name: "Casa Verde", domain: "casaverde.example",
        teams: &["Ventas", "Atención al cliente", "Jardinería", "Administración", "Compras"],
    },
];

/// The roles each of them made itself.
pub const ROLES: &[(&str, &[&str])] = &[
    ("lead-reader", &["users.read", "events.read"]),
    ("people-partner", &["users.read", "users.create", "users.update", "users.suspend", "roles.assign"]),
];

/// A name in its own script, and in letters an e-mail can have.
pub type Name = (&'static str, &'static str);

pub struct Language {
    pub given: &'static [Name],
    pub family: &'static [Name],
    pub family_first: bool,
    pub phone: &'static str,
}

#[rustfmt::skip]
pub const LANGUAGES: &[Language] = &[
    Language {
        given: &[("Olivia", "olivia"), ("Noah", "noah"), ("Grace", "grace"), ("Theo", "theo"), ("Priya", "priya"), ("Callum", "callum"), ("Imogen", "imogen"), ("Marcus", "marcus")],
        family: &[("Bennett", "bennett"), ("O’Connor", "oconnor"), ("Featherstonehaugh", "featherstonehaugh"), ("Patel", "patel"), ("Wright", "wright"), ("Okafor", "okafor"), ("Hughes", "hughes")],
        family_first: false, phone: "+44 20 7946 0",
    },
    Language {
        given: &[("Jürgen", "juergen"), ("Käthe", "kaethe"), ("Lena", "lena"), ("Björn", "bjoern"), ("Anneliese", "anneliese"), ("Matthias", "matthias")],
        family: &[("Müller", "mueller"), ("Weiß", "weiss"), ("Freifrau von Hohenstein-Lüdinghausen", "hohenstein"), ("Schröder", "schroeder"), ("Köhler", "koehler")],
        family_first: false, phone: "+49 30 23125 ",
    },
    Language {
        given: &[("太郎", "taro"), ("花子", "hanako"), ("陽菜", "hina"), ("蓮", "ren"), ("さくら", "sakura")],
        family: &[("山田 ", "yamada"), ("小林 ", "kobayashi"), ("佐藤 ", "sato"), ("渡辺 ", "watanabe"), ("高橋 ", "takahashi")],
        family_first: true, phone: "+81 3 5550 ",
    },
    Language {
        given: &[("Lucía", "lucia"), ("Joaquín", "joaquin"), ("María José", "mariajose"), ("Íñigo", "inigo"), ("Begoña", "begona")],
        family: &[("García Márquez", "garcia"), ("Núñez", "nunez"), ("Ibáñez de la Fuente", "ibanez"), ("Peña", "pena")],
        family_first: false, phone: "+34 910 55 ",
    },
    Language {
        given: &[("Łukasz", "lukasz"), ("Zofia", "zofia"), ("Grażyna", "grazyna"), ("Paweł", "pawel")],
        family: &[("Wójcik", "wojcik"), ("Dąbrowska", "dabrowska"), ("Brzęczyszczykiewicz", "brzeczyszczykiewicz")],
        family_first: false, phone: "+48 22 555 ",
    },
    Language {
        given: &[("Олександра", "oleksandra"), ("Дмитро", "dmytro"), ("Ганна", "hanna")],
        family: &[("Шевченко", "shevchenko"), ("Коваленко", "kovalenko"), ("Мельник", "melnyk")],
        family_first: false, phone: "+380 44 555 ",
    },
    Language {
        given: &[("Ngọc Ánh", "ngocanh"), ("Đức", "duc"), ("Thảo", "thao")],
        family: &[("Nguyễn ", "nguyen"), ("Trần ", "tran"), ("Phạm ", "pham")],
        family_first: true, phone: "+84 24 5550 ",
    },
    Language {
        given: &[("ليلى", "layla"), ("يوسف", "yusuf"), ("نور", "noor")],
        family: &[("حداد", "haddad"), ("المنصوري", "almansouri"), ("خليل", "khalil")],
        family_first: false, phone: "+971 4 555 ",
    },
];
