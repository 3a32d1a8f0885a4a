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

pub struct Language {
    /// Names between commas; how an e-mail has one, after a slash if it isn't just without accents.
    pub given: &'static str,
    pub family: &'static str,
    pub family_first: bool,
    pub phone: &'static str,
}

#[rustfmt::skip]
pub const LANGUAGES: &[Language] = &[
    Language {
        given: "Olivia, Noah, Grace, Theo, Priya, Callum, Imogen, Marcus, Amelia, Arjun, Beatrice, Caleb, Charlotte, Desmond, Edith, \
                Ethan, Fiona, Freya, George, Hamish, Harriet, Isaac, Isla, Jasmine, Kwame, Leah, Lewis, Maisie, Malcolm, Nadia, \
                Niamh, Oscar, Phoebe, Ravi, Rhys, Rosalind, Saoirse, Seán, Tamsin, Winston, Yasmin, Zoë",
        family: "Bennett, O’Connor, Featherstonehaugh, Patel, Wright, Okafor, Hughes, Adeyemi, Ainsworth, Blackwood, Boateng, \
                 Campbell, Chowdhury, Clarke, Davies, Doyle, Edwards, Fairbanks, Fraser, Gallagher, Griffiths, Hargreaves, Hussain, \
                 Iqbal, Jenkins, Kavanagh, Lewis, MacDonald, Mensah, Mistry, Nightingale, O’Brien, Osei, Pemberton, Quigley, Rahman, \
                 Sinclair, Smith-Jones, Taylor, Thornton, Underwood, Whitaker",
        family_first: false, phone: "+44 20 7946 0",
    },
    Language {
        given: "Jürgen/juergen, Käthe/kaethe, Lena, Björn/bjoern, Anneliese, Matthias, Anja, Birgit, Christoph, Detlef, Dörte/doerte, \
                Elke, Emil, Felix, Friederike, Gerhard, Götz/goetz, Greta, Hannelore, Heike, Ines, Jan, Jörg/joerg, Jutta, Karl-Heinz, \
                Katharina, Lukas, Maximilian, Mia, Moritz, Nele, Paul, Renate, Rüdiger/ruediger, Sabine, Sören/soeren, Thomas, Ulrike, \
                Uwe, Wolfgang",
        family: "Müller/mueller, Weiß/weiss, Freifrau von Hohenstein-Lüdinghausen/hohenstein, Schröder/schroeder, Köhler/koehler, \
                 Albrecht, Bauer, Böhm/boehm, Braun, Busch, Dietrich, Engel, Fischer, Frank, Fuchs, Graf, Groß/gross, Günther/guenther, \
                 Hahn, Hoffmann, Jäger/jaeger, Jung, Kaiser, Keller, Krämer/kraemer, Lehmann, Ludwig, Maier, Neumann, Otto, Pfeiffer, \
                 Richter, Sauer, Schäfer/schaefer, Schmidt, Strauß/strauss, Vogel, Voß/voss, Wagner, Zimmermann",
        family_first: false, phone: "+49 30 23125 ",
    },
    Language {
        given: "太郎/taro, 花子/hanako, 陽菜/hina, 蓮/ren, さくら/sakura, 愛/ai, 明/akira, 彩/aya, 大輔/daisuke, 恵美/emi, 英二/eiji, \
                春香/haruka, 浩/hiroshi, 一郎/ichiro, 純/jun, 海斗/kaito, 健太/kenta, 誠/makoto, 真由美/mayumi, 美咲/misaki, みどり/midori, \
                七海/nanami, 直樹/naoki, 莉子/riko, 涼/ryo, 聡/satoshi, 翔太/shota, すず/suzu, 拓也/takuya, 智子/tomoko, 翼/tsubasa, \
                優奈/yuna, 裕子/yuko, 結衣/yui",
        family: "山田/yamada, 小林/kobayashi, 佐藤/sato, 渡辺/watanabe, 高橋/takahashi, 青木/aoki, 遠藤/endo, 藤井/fujii, 後藤/goto, \
                 長谷川/hasegawa, 林/hayashi, 池田/ikeda, 井上/inoue, 石川/ishikawa, 伊藤/ito, 加藤/kato, 木村/kimura, 近藤/kondo, \
                 前田/maeda, 松本/matsumoto, 三浦/miura, 森/mori, 村上/murakami, 中村/nakamura, 西村/nishimura, 小川/ogawa, 岡田/okada, \
                 斎藤/saito, 坂本/sakamoto, 清水/shimizu, 鈴木/suzuki, 田中/tanaka, 上田/ueda, 吉田/yoshida",
        family_first: true, phone: "+81 3 5550 ",
    },
    Language {
        given: "Lucía, Joaquín, María José, Íñigo, Begoña, Adrián, Álvaro, Ana Belén, Andrés, Beatriz, Camila, Consuelo, Cristóbal, Diego, \
                Elena, Esteban, Fabián, Fernando, Gonzalo, Guadalupe, Héctor, Inés, Javier, Jimena, Juan Pablo, Leticia, Luis, Manuela, \
                Marisol, Mateo, Mónica, Nicolás, Óscar, Pilar, Ramón, Rocío, Sofía, Tomás, Valentina, Ximena",
        family: "García Márquez/garcia, Núñez, Ibáñez de la Fuente/ibanez, Peña, Aguirre, Álvarez, Benítez, Cabrera, Castillo, Cervantes, \
                 Díaz, Domínguez, Echeverría, Espinosa, Fernández, Figueroa, Gallardo, Gómez, Herrera, Iglesias, Jiménez, Lozano, Medina, \
                 Muñoz, Navarro, Ortega, Pacheco, Quintana, Ramírez, Rivas, Salazar, Sánchez, Soto, Torres, Urrutia, Valdés, Vargas, \
                 Vázquez, Zamora, Zúñiga",
        family_first: false, phone: "+34 910 55 ",
    },
    Language {
        given: "Łukasz/lukasz, Zofia, Grażyna, Paweł/pawel, Agnieszka, Andrzej, Bartłomiej/bartlomiej, Bożena, Celina, Damian, Dorota, \
                Elżbieta, Ewa, Filip, Grzegorz, Halina, Ireneusz, Jacek, Jadwiga, Joanna, Kacper, Katarzyna, Krzysztof, Leszek, Magdalena, \
                Małgorzata/malgorzata, Michał/michal, Natalia, Oskar, Patryk, Rafał/rafal, Stanisława/stanislawa, Szymon, Tadeusz, Urszula, \
                Wiesława/wieslawa, Wojciech, Zbigniew",
        family: "Wójcik, Dąbrowska, Brzęczyszczykiewicz, Adamczyk, Baran, Borkowski, Chmielewska, Cieślak, Duda, Dudek, Gajewski, Górski, \
                 Grabowska, Jabłońska/jablonska, Jankowski, Kaczmarek, Kowalczyk, Krawczyk, Kucharska, Lewandowski, Lis, Majewska, \
                 Malinowski, Mazur, Nowak, Olszewska, Ostrowski, Pawlak, Piątek, Pietrzak, Rutkowska, Sikora, Stępień, Szczepańska, \
                 Tomaszewski, Urbańska, Walczak, Wróbel, Zając, Zięba",
        family_first: false, phone: "+48 22 555 ",
    },
    Language {
        given: "Олександра/oleksandra, Дмитро/dmytro, Ганна/hanna, Андрій/andrii, Богдан/bohdan, Валентина/valentyna, Василь/vasyl, \
                Вікторія/viktoriia, Галина/halyna, Дарина/daryna, Євген/yevhen, Зоряна/zoriana, Іван/ivan, Ірина/iryna, Катерина/kateryna, \
                Лариса/larysa, Леся/lesia, Любов/liubov, Максим/maksym, Марія/mariia, Микола/mykola, Надія/nadiia, Наталя/natalia, \
                Оксана/oksana, Олег/oleh, Остап/ostap, Павло/pavlo, Роман/roman, Світлана/svitlana, Сергій/serhii, Соломія/solomiia, \
                Тарас/taras, Тетяна/tetiana, Юлія/yuliia, Юрій/yurii, Ярослав/yaroslav",
        family: "Шевченко/shevchenko, Коваленко/kovalenko, Мельник/melnyk, Бондаренко/bondarenko, Ткаченко/tkachenko, Кравченко/kravchenko, \
                 Олійник/oliinyk, Поліщук/polishchuk, Марченко/marchenko, Лисенко/lysenko, Руденко/rudenko, Савченко/savchenko, \
                 Петренко/petrenko, Іваненко/ivanenko, Гончаренко/honcharenko, Романюк/romaniuk, Павлюк/pavliuk, Гриценко/hrytsenko, \
                 Кушнір/kushnir, Мазур/mazur, Гаврилюк/havryliuk, Заєць/zaiets, Левченко/levchenko, Яковенко/yakovenko, \
                 Черненко/chernenko, Дяченко/diachenko, Шульга/shulha, Вовк/vovk, Гнатюк/hnatiuk, Тимошенко/tymoshenko, \
                 Стельмах/stelmakh, Сорока/soroka, Білоус/bilous, Жук/zhuk",
        family_first: false, phone: "+380 44 555 ",
    },
    Language {
        given: "Ngọc Ánh, Đức/duc, Thảo, An, Bảo, Bích, Châu, Cường, Diệu, Dũng, Giang, Hà, Hải, Hạnh, Hiếu, Hoa, Hùng, Hương, Khánh, Kim, \
                Lan, Linh, Long, Mai, Minh Châu, Nam, Nga, Nhung, Phúc, Phương, Quang, Sơn, Tâm, Thanh, Thủy, Trang, Tú, Tuấn, Vinh, Yến",
        family: "Nguyễn, Trần, Phạm, Bùi, Cao, Đặng/dang, Đinh/dinh, Đỗ/do, Đoàn/doan, Dương, Hồ, Hoàng, Huỳnh, Lâm, Lê, Lương, Lý, Mạc, \
                 Ngô, Phan, Tạ, Thái, Tô, Trịnh, Trương, Võ, Vũ",
        family_first: true, phone: "+84 24 5550 ",
    },
    Language {
        given: "ليلى/layla, يوسف/yusuf, نور/noor, أحمد/ahmad, آدم/adam, أمينة/amina, باسم/basem, بشرى/bushra, جميلة/jamila, حسن/hassan, \
                خالد/khaled, داليا/dalia, رانيا/rania, رشيد/rashid, زينب/zaynab, سامي/sami, سلمى/salma, شيماء/shaima, صالح/saleh, ضحى/duha, \
                طارق/tariq, عائشة/aisha, عبد الرحمن/abdulrahman, عمر/omar, غادة/ghada, فاطمة/fatima, فيصل/faisal, كريم/karim, لينا/lina, \
                مريم/maryam, منى/mona, هدى/huda, هشام/hisham, ياسمين/yasmin",
        family: "حداد/haddad, المنصوري/almansouri, خليل/khalil, الأحمد/alahmad, البغدادي/albaghdadi, التميمي/altamimi, الجابري/aljabri, \
                 الحسيني/alhusseini, الخطيب/alkhatib, الدوري/aldouri, الراشد/alrashed, الزهراني/alzahrani, السيد/alsayed, الشامي/alshami, \
                 الصباح/alsabah, العمري/alomari, الفارسي/alfarsi, القاسم/alqasim, الكعبي/alkaabi, المالكي/almaliki, النجار/alnajjar, \
                 الهاشمي/alhashimi, بركات/barakat, جبران/gibran, درويش/darwish, رزق/rizk, زيدان/zidan, سعيد/saeed, شاهين/shaheen, \
                 عثمان/othman, فرحات/farhat, قباني/qabbani, منصور/mansour, ناصر/nasser",
        family_first: false, phone: "+971 4 555 ",
    },
];
