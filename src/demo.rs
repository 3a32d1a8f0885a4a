//! A believable team in a throw-away folder: several accounts, people with names from several languages.
//!
//! Everything is made by the same rules as anybody's users; only the clock is turned back, so that they joined over time.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::app::App;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::db::Write;
use crate::domain::accounts::{self, Account};
use crate::domain::actor::{ActingIn, Actor};
use crate::domain::fields::{AccountId, EmailText};
use crate::domain::permissions::Permissions;
use crate::domain::preferences::{Delivery, NotificationPreference, NotificationPreferences};
use crate::domain::pulse::PulseEvent;
use crate::domain::setup::{self, FirstOwner};
use crate::domain::users::{self, NewUser};
use crate::error::{Error, Result};

/// Who the visitor is.
pub const OWNER: &str = "ada@northwind.example";
/// The account the visitor lands in; half of the people are in it.
pub const ACCOUNT: &str = "2311";

const ACCOUNTS: &[(&str, &str, &str)] = &[
    (ACCOUNT, "Northwind Trading", "northwind.example"),
    ("2312", "Müller & Söhne Logistik", "mueller-soehne.example"),
    ("2313", "小林デザイン", "kobayashi.example"),
    ("2314", "Casa Verde", "casaverde.example"),
];

/// How far back the first person joined.
const SPAN: Duration = Duration::from_secs(400 * 24 * 3600);
/// People made in one transaction.
const BATCH: u32 = 500;

/// A name in its own script, and in letters an e-mail can have.
type Name = (&'static str, &'static str);

struct Language {
    given: &'static [Name],
    family: &'static [Name],
    family_first: bool,
    phone: &'static str,
}

#[rustfmt::skip]
const LANGUAGES: &[Language] = &[
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

/// Points a configuration at a folder that is deleted together with the returned guard.
pub fn folder(config: Config) -> Result<(tempfile::TempDir, Config)> {
    let folder = tempfile::Builder::new().prefix("rollcall-demo-").tempdir().map_err(Error::internal)?;
    let data = folder.path().to_owned();
    Ok((folder, Config { data, ..config }))
}

/// Makes the accounts and `count` people in the folder of `config`, by its own application, which it closes.
pub fn fill(config: Config, count: u32) -> Result<()> {
    let end = Clock::system().now();
    let start = end.0 - i64::try_from(SPAN.as_millis()).map_err(Error::internal)?;
    let time = Arc::new(AtomicI64::new(start));
    let hands = time.clone();
    let app = App::open(config, Clock::from_fn(move || Timestamp(hands.load(Ordering::Relaxed))))?;
    let accounts = app.db().write_here(make_accounts)?;
    let mut people = People::new(accounts);
    for from in (0..count).step_by(BATCH as usize) {
        let batch: Vec<_> = (from..count.min(from + BATCH)).map(|_| people.next()).collect();
        let step = (end.0 - start) / i64::from(count.max(1));
        let first = start + step * i64::from(from);
        app.db().write_here(move |w| {
            for (i, (actor, new)) in (0..).zip(batch) {
                w.acting_as(actor);
                w.now = Timestamp(first + step * i);
                users::create(w, new)?;
            }
            Ok(())
        })?;
        time.store(first, Ordering::Relaxed);
    }
    app.db().close();
    Ok(())
}

fn make_accounts(w: &mut Write) -> Result<Vec<Account>> {
    let mut made = Vec::new();
    for (id, name, _) in ACCOUNTS {
        let id: AccountId = id.parse().map_err(Error::Internal)?;
        if made.is_empty() {
            let owner = FirstOwner {
                email: OWNER.into(),
                name: "Ada Lovelace".into(),
                account_id: Some(id.clone()),
                account_name: (*name).into(),
                password_hash: None,
            };
            setup::create(w, owner)?;
            made.push(Account { id, name: (*name).into() });
        } else {
            made.push(accounts::create(w, Some(id), name)?);
        }
    }
    Ok(made)
}

/// An endless, always equal stream of people.
struct People {
    random: fastrand::Rng,
    accounts: Vec<Account>,
    addresses: HashSet<String>,
}

impl People {
    fn new(accounts: Vec<Account>) -> Self {
        Self { random: fastrand::Rng::with_seed(2311), accounts, addresses: HashSet::new() }
    }

    /// Somebody new, and who adds them.
    fn next(&mut self) -> (Actor, NewUser) {
        let random = &mut self.random;
        let place = if random.bool() { 0 } else { random.usize(1..self.accounts.len()) };
        let (account, domain) = (self.accounts[place].clone(), ACCOUNTS[place].2);
        let language = &LANGUAGES[random.usize(..LANGUAGES.len())];
        let given = language.given[random.usize(..language.given.len())];
        let family = language.family[random.usize(..language.family.len())];
        let name = if language.family_first {
            format!("{}{}", family.0, given.0)
        } else {
            format!("{} {}", given.0, family.0)
        };
        let phone = (random.u8(..10) < 7).then(|| format!("{}{:03}", language.phone, random.u16(..1000)));
        let active = random.u8(..100) >= 8;
        let preferences = preferences(random, &account.id);
        let email = self.address(given.1, family.1, domain);
        let actor = Actor {
            email: Some(OWNER.into()),
            account: Some(ActingIn { id: account.id, name: account.name }),
            permissions: Permissions::all(),
            ..Actor::nobody()
        };
        let new = NewUser {
            email: EmailText(email),
            name: Some(name),
            phone,
            img_src: None,
            active: Some(active),
            notification_preferences: Some(preferences),
            ..NewUser::default()
        };
        (actor, new)
    }

    /// `given.family@domain`, with a number where that is taken.
    fn address(&mut self, given: &str, family: &str, domain: &str) -> String {
        let mut local = format!("{given}.{family}");
        for n in 2.. {
            if self.addresses.insert(format!("{local}@{domain}")) {
                break;
            }
            local = format!("{given}.{family}{n}");
        }
        format!("{local}@{domain}")
    }
}

/// Most people leave things as they are; some choose a few events, a few choose for one account.
fn preferences(random: &mut fastrand::Rng, account: &AccountId) -> NotificationPreferences {
    let mut preferences = NotificationPreferences::new();
    for _ in 0..random.usize(..8).saturating_sub(3) {
        let event = PulseEvent::ALL[random.usize(..PulseEvent::ALL.len())];
        let account_id = (random.u8(..3) == 0).then(|| account.to_string());
        let delivery_pref = Some(vec![Delivery::ALL[random.usize(..Delivery::ALL.len())]]);
        preferences.insert(event, vec![NotificationPreference { event, account_id, delivery_pref }]);
    }
    preferences
}
