//! What is asked before something is done to somebody.

use super::acts::Act;

pub struct Question {
    /// The question, by what they are called, and the account.
    pub title: fn(&str, &str) -> String,
    /// What follows from it.
    pub sentences: &'static [&'static str],
    /// What the button says.
    pub button: &'static str,
    /// Whether it takes something away.
    pub grave: bool,
}

/// The question before an act; none where a page of its own asks more.
pub fn before(act: Act) -> Option<&'static Question> {
    Some(match act {
        Act::Suspend => &SUSPEND,
        Act::Activate => &ACTIVATE,
        Act::Remove => &REMOVE,
        Act::Restore => &RESTORE,
        Act::Invite => &INVITE,
        Act::PasskeyLink => &PASSKEY_LINK,
        Act::ResetPassword => &RESET_PASSWORD,
        Act::AskPassword => &ASK_PASSWORD,
        Act::KeepPassword => &KEEP_PASSWORD,
        Act::MakeOwner => &MAKE_OWNER,
        Act::UnmakeOwner => &UNMAKE_OWNER,
        Act::Move => return None,
    })
}

const SUSPEND: Question = Question {
    title: |who, _| format!("Suspend {who}?"),
    sentences: &[
        "They are signed out everywhere at once, their tokens and keys end, and they cannot sign in until somebody makes them active again.",
        "They stay listed, with all they have.",
    ],
    button: "Suspend",
    grave: true,
};

const ACTIVATE: Question = Question {
    title: |who, _| format!("Make {who} active again?"),
    sentences: &["They can sign in again. Tokens and keys that ended stay ended."],
    button: "Make active",
    grave: false,
};

/// In place of [`Act::Remove`], of somebody who is pending.
pub const WITHDRAW: Question = Question {
    title: |who, _| format!("Withdraw the invitation of {who}?"),
    sentences: &["They can't accept it any more."],
    button: "Withdraw invitation",
    grave: true,
};

const REMOVE: Question = Question {
    title: |who, place| format!("Take {who} out of {place}?"),
    sentences: &[
        "They lose what they may do here. If they are in no other account, they cannot sign in any more.",
        "For 30 days they can be put back from the recycle bin, with their team, roles and preferences. After that it is for good.",
    ],
    button: "Take out",
    grave: true,
};

const RESTORE: Question = Question {
    title: |who, place| format!("Put {who} back into {place}?"),
    sentences: &["They get back their team, roles, permissions and preferences."],
    button: "Put back",
    grave: false,
};

const INVITE: Question = Question {
    title: |who, _| format!("Make a new welcome link for {who}?"),
    sentences: &["The link they have now stops working."],
    button: "Make new link",
    grave: false,
};

const PASSKEY_LINK: Question = Question {
    title: |who, _| format!("Make a passkey link for {who}?"),
    sentences: &[
        "Pass it on to them yourself: whoever has it comes in as them. With it they register a passkey, without a password. It works once, for 24 hours.",
        "The passkeys and the password they have stay. A link made before stops working.",
    ],
    button: "Make link",
    grave: false,
};

const RESET_PASSWORD: Question = Question {
    title: |who, _| format!("Make a link that sets a new password for {who}?"),
    sentences: &[
        "Pass it on to them yourself: whoever has it comes in as them. It works once, for eight hours.",
        "The password they have, and where they are signed in, stay until they use it. A link made before stops working.",
    ],
    button: "Make link",
    grave: false,
};

const ASK_PASSWORD: Question = Question {
    title: |who, _| format!("Ask {who} for a new password?"),
    sentences: &[
        "They are signed out everywhere. When they sign in next, they can do nothing before they have chosen another one.",
        "Their API keys stay: revoke those on the page API keys.",
    ],
    button: "Ask for a new password",
    grave: true,
};

const KEEP_PASSWORD: Question = Question {
    title: |who, _| format!("Let {who} keep their password?"),
    sentences: &["They are not asked for another one when they sign in next."],
    button: "Let them keep it",
    grave: false,
};

const MAKE_OWNER: Question = Question {
    title: |who, _| format!("Make {who} an owner of this server?"),
    sentences: &["They may then do everything, in every account, as you may."],
    button: "Make owner",
    grave: true,
};

const UNMAKE_OWNER: Question = Question {
    title: |who, _| format!("Should {who} be an owner no more?"),
    sentences: &["They keep what they are in their accounts."],
    button: "Take ownership away",
    grave: true,
};
