//! The 163 events of the contract, one line each, in its order: what the audit log records and what people can be
//! told about. The last column is the group an event is shown in.

use poem_openapi::Enum;
use serde::{Deserialize, Deserializer, Serialize};

use super::words;

macro_rules! groups {
    ($($group:ident $title:literal)*) => {
        /// Events that belong together on a page, in the order they are shown.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Group { $($group),* }

        impl Group {
            pub const ALL: &'static [Group] = &[$(Group::$group),*];

            pub fn title(self) -> &'static str {
                match self { $(Self::$group => $title),* }
            }

            pub fn events(self) -> impl Iterator<Item = PulseEvent> {
                PulseEvent::ALL.iter().copied().filter(move |event| event.group() == self)
            }
        }
    };
}

macro_rules! pulse_events {
    ($($event:ident $name:literal $group:ident)*) => {
        /// Type of event to be notified about
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enum, Serialize)]
        #[oai(rename = "PulseEvents", rename_all = "snake_case")]
        #[serde(rename_all = "snake_case")]
        pub enum PulseEvent { $($event),* }

        impl PulseEvent {
            pub const ALL: &'static [PulseEvent] = &[$(PulseEvent::$event),*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$event => $name),* }
            }

            pub fn group(self) -> Group {
                match self { $(Self::$event => Group::$group),* }
            }
        }
    };
}

groups! {
    People               "People"
    SignInPasskeys       "Sign-in and passkeys"
    Accounts             "Accounts"
    TeamsRoles           "Teams and roles"
    ApiKeysWebhooks      "API keys and webhooks"
    Leads                "Leads"
    Applications         "Applications"
    Underwriting         "Underwriting"
    MerchantsMids        "Merchants and MIDs"
    Payments             "Payments"
    Tickets              "Tickets"
    FilesNotes           "Files and notes"
    VanityDomains        "Vanity domains"
    Maverick             "Maverick"
    ZenApi               "Zen API"
    System               "System"
}

pulse_events! {
    LeadCreated                            "lead_created" Leads
    LeadUpdated                            "lead_updated" Leads
    LeadDeleted                            "lead_deleted" Leads
    LeadQualified                          "lead_qualified" Leads
    LeadDisqualified                       "lead_disqualified" Leads
    LeadAssigned                           "lead_assigned" Leads
    LeadConverted                          "lead_converted" Leads
    ApplicationCreated                     "application_created" Applications
    ApplicationUpdated                     "application_updated" Applications
    ApplicationDeleted                     "application_deleted" Applications
    ApplicationCompleted                   "application_completed" Applications
    ApplicationSubmitted                   "application_submitted" Applications
    ApplicationStatusChanged               "application_status_changed" Applications
    ApplicationSensitiveDataRevealed       "application_sensitive_data_revealed" Applications
    ApplicationInformationRequested        "application_information_requested" Applications
    UserCreated                            "user_created" People
    UserUpdated                            "user_updated" People
    UserDeleted                            "user_deleted" People
    UserLoggedIn                           "user_logged_in" SignInPasskeys
    UserLoggedOut                          "user_logged_out" SignInPasskeys
    UserPasswordChanged                    "user_password_changed" SignInPasskeys
    UserPasswordResetRequested             "user_password_reset_requested" SignInPasskeys
    AccountCreated                         "account_created" Accounts
    AccountUpdated                         "account_updated" Accounts
    AccountDeleted                         "account_deleted" Accounts
    InvoiceCreated                         "invoice_created" Payments
    PaymentReceived                        "payment_received" Payments
    PaymentFailed                          "payment_failed" Payments
    RefundIssued                           "refund_issued" Payments
    EventRequestBodyRevealed               "event_request_body_revealed" System
    EventResponseBodyRevealed              "event_response_body_revealed" System
    SystemError                            "system_error" System
    QuotaExceeded                          "quota_exceeded" System
    ApiRateLimited                         "api_rate_limited" System
    ApiKeyCreated                          "api_key_created" ApiKeysWebhooks
    ApiKeyUpdated                          "api_key_updated" ApiKeysWebhooks
    ApiKeyDeleted                          "api_key_deleted" ApiKeysWebhooks
    LeadRotationCreated                    "lead_rotation_created" Leads
    LeadRotationUpdated                    "lead_rotation_updated" Leads
    LeadRotationDeleted                    "lead_rotation_deleted" Leads
    TeamCreated                            "team_created" TeamsRoles
    TeamUpdated                            "team_updated" TeamsRoles
    TeamDeleted                            "team_deleted" TeamsRoles
    TeamActivated                          "team_activated" TeamsRoles
    TeamDeactivated                        "team_deactivated" TeamsRoles
    AdminForceSetPassword                  "admin_force_set_password" SignInPasskeys
    AdminSendPasskeyRegistration           "admin_send_passkey_registration" SignInPasskeys
    PasskeyRegistrationTokenValidated      "passkey_registration_token_validated" SignInPasskeys
    PasskeyRegistrationOptionsGenerated    "passkey_registration_options_generated" SignInPasskeys
    PasskeyRegistered                      "passkey_registered" SignInPasskeys
    PasskeyAuthenticationOptionsGenerated  "passkey_authentication_options_generated" SignInPasskeys
    PasskeyAuthenticated                   "passkey_authenticated" SignInPasskeys
    PasskeyListViewed                      "passkey_list_viewed" SignInPasskeys
    PasskeyRenamed                         "passkey_renamed" SignInPasskeys
    PasskeyDeleted                         "passkey_deleted" SignInPasskeys
    RoleCreated                            "role_created" TeamsRoles
    RoleDeleted                            "role_deleted" TeamsRoles
    RolePermissionsUpdated                 "role_permissions_updated" TeamsRoles
    FileUploadUrlRequested                 "file_upload_url_requested" FilesNotes
    FileUploaded                           "file_uploaded" FilesNotes
    FileDeleted                            "file_deleted" FilesNotes
    FileRequested                          "file_requested" FilesNotes
    FileMetaDataUpdated                    "file_meta_data_updated" FilesNotes
    NoteCreated                            "note_created" FilesNotes
    NoteDeleted                            "note_deleted" FilesNotes
    NoteUpdated                            "note_updated" FilesNotes
    AccountTypeCreated                     "account_type_created" Accounts
    AccountTypeDeleted                     "account_type_deleted" Accounts
    AccountTypeUpdated                     "account_type_updated" Accounts
    UserImpersonated                       "user_impersonated" People
    LeadSourceCreated                      "lead_source_created" Leads
    LeadSourceUpdated                      "lead_source_updated" Leads
    LeadSourceDeleted                      "lead_source_deleted" Leads
    LeadSourceActivated                    "lead_source_activated" Leads
    LeadSourceDeactivated                  "lead_source_deactivated" Leads
    UserPermissionsSetDirectly             "user_permissions_set_directly" People
    UserRolesUpdated                       "user_roles_updated" People
    AccountPermissionsUpdated              "account_permissions_updated" Accounts
    LeadArchived                           "lead_archived" Leads
    LeadUnarchived                         "lead_unarchived" Leads
    UserAddedToAccount                     "user_added_to_account" People
    UserRemovedFromAccount                 "user_removed_from_account" People
    UserAccountSettingsUpdated             "user_account_settings_updated" People
    WebhookCreated                         "webhook_created" ApiKeysWebhooks
    WebhookUpdated                         "webhook_updated" ApiKeysWebhooks
    WebhookDeleted                         "webhook_deleted" ApiKeysWebhooks
    WebhookDeliveryFailed                  "webhook_delivery_failed" ApiKeysWebhooks
    WebhookTest                            "webhook_test" ApiKeysWebhooks
    MerchantCreated                        "merchant_created" MerchantsMids
    MerchantUpdated                        "merchant_updated" MerchantsMids
    MerchantDeleted                        "merchant_deleted" MerchantsMids
    UnderwritingApplicationAssigned        "underwriting_application_assigned" Underwriting
    UnderwritingApplicationPriorityChanged "underwriting_application_priority_changed" Underwriting
    UnderwritingDecisionMade               "underwriting_decision_made" Underwriting
    UnderwritingNoteAdded                  "underwriting_note_added" Underwriting
    UnderwritingRiskAssessmentGenerated    "underwriting_risk_assessment_generated" Underwriting
    UnderwritingAutoRuleCreated            "underwriting_auto_rule_created" Underwriting
    UnderwritingAutoRuleUpdated            "underwriting_auto_rule_updated" Underwriting
    UnderwritingAutoRuleToggled            "underwriting_auto_rule_toggled" Underwriting
    UnderwritingAutoRuleTested             "underwriting_auto_rule_tested" Underwriting
    MaverickWebhookReceived                "maverick_webhook_received" Maverick
    ApplicationSentToMaverick              "application_sent_to_maverick" Maverick
    MaverickIntegrationError               "maverick_integration_error" Maverick
    MaverickStatusSynced                   "maverick_status_synced" Maverick
    MaverickStatusUpdated                  "maverick_status_updated" Maverick
    MaverickDocumentsTransferred           "maverick_documents_transferred" Maverick
    MaverickNoteReceived                   "maverick_note_received" Maverick
    MaverickTicketsFetched                 "maverick_tickets_fetched" Maverick
    MaverickTicketViewed                   "maverick_ticket_viewed" Maverick
    MaverickTicketTypeMappingsFetched      "maverick_ticket_type_mappings_fetched" Maverick
    MaverickTicketTypeMappingCreated       "maverick_ticket_type_mapping_created" Maverick
    MaverickTicketTypeMappingUpdated       "maverick_ticket_type_mapping_updated" Maverick
    MaverickTicketTypeMappingDeleted       "maverick_ticket_type_mapping_deleted" Maverick
    SystemWarningMaverickUnmappedTickets   "system_warning_maverick_unmapped_tickets" Maverick
    ZenApiLeadCreated                      "zen_api_lead_created" ZenApi
    ZenApiLeadBatchSubmitted               "zen_api_lead_batch_submitted" ZenApi
    ZenApiApplicationSubmitted             "zen_api_application_submitted" ZenApi
    ZenApiApplicationUpdated               "zen_api_application_updated" ZenApi
    ZenApiDocumentsTransferred             "zen_api_documents_transferred" ZenApi
    ZenApiStatusChange                     "zen_api_status_change" ZenApi
    NoEventName                            "no_event_name" System
    VanityDomainRequested                  "vanity_domain_requested" VanityDomains
    VanityDomainValidated                  "vanity_domain_validated" VanityDomains
    VanityDomainActivated                  "vanity_domain_activated" VanityDomains
    VanityDomainDeleted                    "vanity_domain_deleted" VanityDomains
    MidCreated                             "mid_created" MerchantsMids
    MidUpdated                             "mid_updated" MerchantsMids
    MidDeleted                             "mid_deleted" MerchantsMids
    MidAssigned                            "mid_assigned" MerchantsMids
    MidActivated                           "mid_activated" MerchantsMids
    MidSuspended                           "mid_suspended" MerchantsMids
    TicketTypeCreated                      "ticket_type_created" Tickets
    TicketTypeUpdated                      "ticket_type_updated" Tickets
    TicketTypeDeleted                      "ticket_type_deleted" Tickets
    TicketTypeStatusChanged                "ticket_type_status_changed" Tickets
    TicketRotationCreated                  "ticket_rotation_created" Tickets
    TicketRotationUpdated                  "ticket_rotation_updated" Tickets
    TicketRotationDeleted                  "ticket_rotation_deleted" Tickets
    TicketRotationStatusChanged            "ticket_rotation_status_changed" Tickets
    TicketRotationPositionReset            "ticket_rotation_position_reset" Tickets
    TicketCreated                          "ticket_created" Tickets
    TicketUpdated                          "ticket_updated" Tickets
    TicketDeleted                          "ticket_deleted" Tickets
    TicketAssigned                         "ticket_assigned" Tickets
    TicketStatusChanged                    "ticket_status_changed" Tickets
    TicketCommentAdded                     "ticket_comment_added" Tickets
    TicketSettingsUpdated                  "ticket_settings_updated" Tickets
    TicketTemplateCreated                  "ticket_template_created" Tickets
    TicketTemplateUpdated                  "ticket_template_updated" Tickets
    TicketTemplateDeleted                  "ticket_template_deleted" Tickets
    TicketAutomationRuleCreated            "ticket_automation_rule_created" Tickets
    TicketAutomationRuleUpdated            "ticket_automation_rule_updated" Tickets
    TicketAutomationRuleDeleted            "ticket_automation_rule_deleted" Tickets
    TicketAutomationRuleTested             "ticket_automation_rule_tested" Tickets
    TicketEscalationRuleCreated            "ticket_escalation_rule_created" Tickets
    TicketEscalationRuleUpdated            "ticket_escalation_rule_updated" Tickets
    TicketEscalationRuleDeleted            "ticket_escalation_rule_deleted" Tickets
    AccountRelationshipCreated             "account_relationship_created" Accounts
    AccountRelationshipDeleted             "account_relationship_deleted" Accounts
    Healthcheck                            "healthcheck" System
    NotFound                               "not_found" System
    MethodNotAllowed                       "method_not_allowed" System
    CronJob                                "cron_job" System
}

impl PulseEvent {
    /// The name as a person reads it: "Lead created".
    pub fn title(self) -> String {
        words::sentence(self.name())
    }
}

impl std::fmt::Display for PulseEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for PulseEvent {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().copied().find(|event| event.name() == name);
        known.ok_or_else(|| format!("unknown event `{}`; the PulseEvents schema lists all 163", words::shortened(name)))
    }
}

impl<'de> Deserialize<'de> for PulseEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
