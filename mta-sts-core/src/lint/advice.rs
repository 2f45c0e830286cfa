//! What senders do about a finding, and how to fix it, by its kind.

use super::FindingKind;
use crate::error::{
    DeviationKind, FetchErrorKind, LintKind, PolicyErrorKind, RecordErrorKind, ReportErrorKind,
    TlsrptRecordErrorKind,
};

pub(super) struct Advice {
    pub(super) senders: &'static str,
    pub(super) help: &'static str,
}

pub(super) const fn of(kind: FindingKind) -> Advice {
    let (senders, help) = match kind {
        FindingKind::Record(kind) => (of_record_error_senders(kind), of_record_error(kind)),
        FindingKind::Policy(kind) => of_policy_error(kind),
        FindingKind::Fetch(kind) => (NO_POLICY, of_fetch_error(kind)),
        FindingKind::Lint(kind) => of_lint(kind),
        FindingKind::Tlsrpt(kind) => (of_tlsrpt_error_senders(kind), of_tlsrpt_error(kind)),
        FindingKind::Report(kind) => (NO_REPORT, of_report_error(kind)),
        FindingKind::Deviation(kind) => of_deviation(kind),
    };
    Advice { senders, help }
}

const NO_RECORD: &str = "Senders treat the domain as having no MTA-STS.";
pub(super) const NO_REPORTS: &str = "Senders send this domain no reports.";
const URI_DROPPED: &str = "Senders send nothing to this URI.";
const NO_POLICY: &str =
    "Senders get no policy from this response, and keep an older one only until it expires.";
const BAD_POLICY: &str = "Senders refuse the whole policy, and keep an older one only until it expires.";
const BAD_MX: &str = "Senders refuse the whole policy, or use it with an mx that never covers a host.";
const SOME_REFUSE: &str = "Senders that follow the grammar refuse the whole policy, others accept it.";
const HARMLESS: &str = "Senders accept it.";
const NO_REPORT: &str = "Receivers cannot read the report, or refuse it.";
const SOME_RECEIVERS_REFUSE: &str = "Receivers with fixed types refuse the whole report, others read it.";
const VALUE_LOST: &str = "Receivers leave the value out, or refuse the whole report.";
const RECEIVERS_PASS: &str = "Receivers let it pass.";

const fn of_record_error_senders(kind: RecordErrorKind) -> &'static str {
    match kind {
        RecordErrorKind::SeveralRecords => "Senders use none of them if there are several records.",
        _ => NO_RECORD,
    }
}

const fn of_record_error(kind: RecordErrorKind) -> &'static str {
    match kind {
        RecordErrorKind::NoRecord => "Publish `v=STSv1; id=ID` as a TXT record at `_mta-sts.DOMAIN`.",
        RecordErrorKind::SeveralRecords => "Keep one record, and delete the others.",
        RecordErrorKind::BadVersion => "Begin the record with `v=STSv1;`, exactly so.",
        RecordErrorKind::MissingId => {
            "Add `id=` and 1 to 32 letters and digits, such as the time of the change."
        }
        RecordErrorKind::BadId => "Write 1 to 32 letters and digits as the `id`, such as `20240101120000`.",
        RecordErrorKind::EmptyField => "Delete one of the semicolons.",
        RecordErrorKind::FieldWithoutValue => "Write the field as `NAME=VALUE`, or delete it.",
        RecordErrorKind::SpaceAroundEquals => "Delete the white space next to the equals sign.",
        RecordErrorKind::BadFieldName => {
            "Write a name of letters, digits, `_`, `-` and `.`, or delete the field."
        }
        RecordErrorKind::BadFieldValue => {
            "Write a value of visible ASCII characters without `=` and `;`, or delete the field."
        }
        RecordErrorKind::TrailingSpace => "Delete the white space at the end.",
    }
}

const fn of_tlsrpt_error_senders(kind: TlsrptRecordErrorKind) -> &'static str {
    match kind {
        TlsrptRecordErrorKind::SeveralRecords => {
            "Senders use none of them if there are several records, and send no reports."
        }
        _ => NO_REPORTS,
    }
}

const fn of_tlsrpt_error(kind: TlsrptRecordErrorKind) -> &'static str {
    match kind {
        TlsrptRecordErrorKind::NoRecord => {
            "Publish `v=TLSRPTv1; rua=mailto:ADDRESS` as a TXT record at `_smtp._tls.DOMAIN`."
        }
        TlsrptRecordErrorKind::SeveralRecords => of_record_error(RecordErrorKind::SeveralRecords),
        TlsrptRecordErrorKind::BadVersion => "Begin the record with `v=TLSRPTv1;`, exactly so.",
        TlsrptRecordErrorKind::MissingRua => {
            "Add `rua=mailto:` and the address to which reports should be sent."
        }
        TlsrptRecordErrorKind::NoUsableRua => "Write `rua=mailto:ADDRESS` or `rua=https://HOST/PATH`.",
        TlsrptRecordErrorKind::EmptyField => of_record_error(RecordErrorKind::EmptyField),
        TlsrptRecordErrorKind::FieldWithoutValue => of_record_error(RecordErrorKind::FieldWithoutValue),
        TlsrptRecordErrorKind::SpaceAroundEquals => of_record_error(RecordErrorKind::SpaceAroundEquals),
        TlsrptRecordErrorKind::BadFieldName => of_record_error(RecordErrorKind::BadFieldName),
        TlsrptRecordErrorKind::BadFieldValue => of_record_error(RecordErrorKind::BadFieldValue),
        TlsrptRecordErrorKind::TrailingSpace => of_record_error(RecordErrorKind::TrailingSpace),
    }
}

const fn of_policy_error(kind: PolicyErrorKind) -> (&'static str, &'static str) {
    match kind {
        PolicyErrorKind::TooLarge => {
            (BAD_POLICY, "Keep the policy under 65,536 octets, if necessary with wildcards.")
        }
        PolicyErrorKind::NotUtf8 => (BAD_POLICY, "Save the file as UTF-8, or as ASCII."),
        PolicyErrorKind::ControlCharacter => (BAD_POLICY, "Delete the control character."),
        PolicyErrorKind::LineWithoutColon => (SOME_REFUSE, "Write the line as `NAME: VALUE`, or delete it."),
        PolicyErrorKind::SpaceBeforeName => (SOME_REFUSE, "Delete the white space at the start of the line."),
        PolicyErrorKind::SpaceBeforeColon => (SOME_REFUSE, "Delete the white space before the colon."),
        PolicyErrorKind::BadFieldName => {
            (SOME_REFUSE, "Write a name of letters, digits, `_`, `-` and `.`, or delete the line.")
        }
        PolicyErrorKind::EmptyValue => (
            "Senders refuse the whole policy, except for some that accept an unknown field without a value.",
            "Write a value after the colon, or delete the line.",
        ),
        PolicyErrorKind::BadVersion => (BAD_POLICY, "Write `version: STSv1`."),
        PolicyErrorKind::BadMode => (BAD_POLICY, "Write `mode: enforce`, `mode: testing` or `mode: none`."),
        PolicyErrorKind::BadMaxAge => {
            (BAD_POLICY, "Write the seconds with digits only, such as `max_age: 604800`.")
        }
        PolicyErrorKind::BadMx => (BAD_MX, "Write one host name, or `*.` and a domain, after each `mx:`."),
        PolicyErrorKind::MissingVersion => (BAD_POLICY, "Add the line `version: STSv1`."),
        PolicyErrorKind::MissingMode => {
            (BAD_POLICY, "Add a line `mode: testing`, and change it to `mode: enforce` later.")
        }
        PolicyErrorKind::MissingMaxAge => (BAD_POLICY, "Add a line such as `max_age: 604800`."),
        PolicyErrorKind::MissingMx => (BAD_POLICY, "Add a line `mx: HOST` for each host of your MX records."),
        PolicyErrorKind::BlankLine => (SOME_REFUSE, "Delete the blank line."),
        PolicyErrorKind::ByteOrderMark => (SOME_REFUSE, "Save the file without a byte order mark."),
        PolicyErrorKind::MxTrailingDot => (
            "Some senders refuse the policy, and for others this mx covers no host.",
            "Delete the trailing dot.",
        ),
        PolicyErrorKind::MxUnderscore => (
            "Senders that follow the grammar refuse the whole policy.",
            "Give the host a name without an underscore.",
        ),
    }
}

const fn of_fetch_error(kind: FetchErrorKind) -> &'static str {
    match kind {
        FetchErrorKind::Status => {
            "Configure the Policy Host to serve `/.well-known/mta-sts.txt` with status 200."
        }
        FetchErrorKind::Redirect => {
            "Serve the policy on the Policy Host itself: senders do not follow redirects."
        }
        FetchErrorKind::MediaType | FetchErrorKind::MissingMediaType => {
            "Configure the Policy Host to send `Content-Type: text/plain`."
        }
        FetchErrorKind::BodyTooLarge => "Keep the policy under 65,536 octets, if necessary with wildcards.",
        FetchErrorKind::InvalidPolicy => "Fix the policy.",
    }
}

#[allow(clippy::too_many_lines)] // A table.
const fn of_lint(kind: LintKind) -> (&'static str, &'static str) {
    match kind {
        LintKind::MoreFindings => {
            ("How senders treat them is not shown.", "Fix those that are shown, and check again.")
        }
        LintKind::Html => {
            (BAD_POLICY, "Serve the policy as plain text; `mtasts lint policy DOMAIN` checks what is served.")
        }
        LintKind::Rtf => (BAD_POLICY, "Save the file as plain text, without any formatting."),
        LintKind::Json => (BAD_POLICY, "Write the policy as lines of `NAME: VALUE`."),
        LintKind::FrontMatter => (
            BAD_POLICY,
            "Check what is served with `mtasts lint policy DOMAIN`: if it has the front matter, the site generator does not process this file.",
        ),
        LintKind::Utf16 => (BAD_POLICY, "Save the file as UTF-8, or as ASCII."),
        LintKind::RecordAsPolicy => {
            (BAD_POLICY, "Publish this in DNS at `_mta-sts.DOMAIN`, and serve the policy here.")
        }
        LintKind::PolicyAsRecord => {
            (NO_RECORD, "Serve this at the Policy Host, and publish `v=STSv1; id=ID` as the TXT record.")
        }
        LintKind::LargePolicy => (
            "Many senders refuse a policy of this size.",
            "Keep the policy under 65,536 octets, if necessary with wildcards.",
        ),
        LintKind::Comment => (SOME_REFUSE, "Delete the comment."),
        LintKind::YamlList => (SOME_REFUSE, "Write a line `mx: HOST` for each host instead of a list."),
        LintKind::EqualsForColon => (BAD_POLICY, "Replace the equals sign with a colon."),
        LintKind::FieldsOnOneLine => (BAD_POLICY, "Write each field on a line of its own."),
        LintKind::EscapedLineEnd => (BAD_POLICY, "End the line with LF or CRLF instead of the escape."),
        LintKind::BadLineEnd => (BAD_POLICY, "End each line with LF or CRLF."),
        LintKind::UnicodeLineEnd => {
            ("Most senders see one line, a few see two.", "End each line with LF or CRLF.")
        }
        LintKind::MixedLineEnds => (HARMLESS, "Use the same line end everywhere."),
        LintKind::TrailingWhiteSpace => (HARMLESS, "Delete the white space."),
        LintKind::UnusualDelimiter => (HARMLESS, "Write one space after the colon."),
        LintKind::InvisibleCharacter => {
            ("Senders treat it as part of the name or the value.", "Delete it, or write an ordinary space.")
        }
        LintKind::TypographicCharacter => {
            ("Senders treat it as part of the name or the value.", "Write the ASCII character, or delete it.")
        }
        LintKind::NonAscii => {
            ("Senders accept it, except for a few that require ASCII.", "Write ASCII only.")
        }
        LintKind::VersionNotFirst => (
            "Senders accept this in a policy, but they ignore a record that starts this way.",
            "Make the version the first field.",
        ),
        LintKind::DuplicateField => (
            "Senders should use the first, but some use the last or refuse both.",
            "Keep one, and delete the others.",
        ),
        LintKind::UnknownField => (
            "Senders ignore it, except for a few that refuse unknown fields.",
            "Delete it unless some sender needs it.",
        ),
        LintKind::FieldNameCase => {
            ("Senders ignore the field, since case matters.", "Write the name in lower case.")
        }
        LintKind::MisspeltField => ("Senders ignore the field or refuse the policy.", "Fix the name."),
        LintKind::MisplacedField => {
            ("Senders ignore it here.", "Move the field to where it belongs, or delete it.")
        }
        LintKind::OldDraft => (
            "Senders do not support the drafts.",
            "Write the policy as RFC 8461 defines it: version, mode, mx and max_age.",
        ),
        LintKind::ValueCase => {
            ("Senders refuse it, since case matters.", "Write the keyword exactly as in RFC 8461.")
        }
        LintKind::QuotedValue => ("Senders treat the quotes as part of the text.", "Delete the quotes."),
        LintKind::BracketedValue => {
            ("Senders treat the brackets as part of the value.", "Delete the brackets.")
        }
        LintKind::TrailingPunctuation => {
            ("Senders treat it as part of the value.", "Delete the comma or the semicolon at the end.")
        }
        LintKind::Placeholder => (
            "Senders use the placeholder as it is, so none of your hosts is covered.",
            "Write your own value.",
        ),
        LintKind::TestingMode => (
            "Senders deliver in any case and report failures to the address in the TLSRPT record.",
            "Publish a TLSRPT record at `_smtp._tls.DOMAIN`, and write `mode: enforce` once the reports show no failures.",
        ),
        LintKind::ShortMaxAge => (
            "The policy expires soon, and an attacker who blocks DNS for that long can bypass it.",
            "Write some weeks or more, such as `max_age: 2592000`.",
        ),
        LintKind::ZeroMaxAge => (
            "The policy expires at once, and a few senders refuse it.",
            "Write some weeks or more, such as `max_age: 2592000`.",
        ),
        LintKind::LongMaxAge => (
            "Senders may use this policy for that long, even if you can no longer serve another.",
            "Keep it if the hosts are stable; before you remove the policy, serve `mode: none` with a short max_age.",
        ),
        LintKind::ClampedMaxAge => {
            ("Some senders use the maximum, others refuse the policy.", "Write `max_age: 31557600` or less.")
        }
        LintKind::MxWithModeNone => {
            ("Senders ignore it.", "Delete it, or keep it for senders that require one.")
        }
        LintKind::DuplicateMx => (HARMLESS, "Delete one of them."),
        LintKind::UpperCaseMx => {
            ("Senders compare names without regard to case.", "Write the name in lower case.")
        }
        LintKind::SingleLabelMx => {
            ("Senders compare it with full names, so it covers no host.", "Write the full name of the host.")
        }
        LintKind::WildcardMx => (
            "Senders accept every host exactly one label below, but neither the domain itself nor deeper hosts.",
            "List the hosts one by one if they are few.",
        ),
        LintKind::WildcardTooWide => (
            "Senders accept the hosts of anybody who registers a domain there, even an attacker.",
            "List your own hosts, or a wildcard of your provider.",
        ),
        LintKind::WildcardMissesLevel => (
            "A wildcard covers one label: senders that enforce the policy do not deliver to the hosts that no line covers.",
            "Add a line for each of your MX hosts that no line covers.",
        ),
        LintKind::MisplacedWildcard => (BAD_MX, "Write `*.` and a domain, or the name of a host."),
        LintKind::SeveralHostsInMx => (BAD_MX, "Write a line `mx: HOST` for each of the hosts."),
        LintKind::MxPreference => (BAD_MX, "Delete the number, and keep the name."),
        LintKind::MxPort => (BAD_MX, "Delete the colon and the port."),
        LintKind::MxUrl => (BAD_MX, "Keep only the host name of the URL."),
        LintKind::MxMailAddress => (BAD_MX, "Write the name of the host that receives the mail."),
        LintKind::MxAddress => (BAD_MX, "Write the host name from the MX record."),
        LintKind::MxULabel => (BAD_MX, "Write the name with A-labels (`xn--...`)."),
        LintKind::MxLeadingDot => (BAD_MX, "Write `*.` and the domain."),
        LintKind::SpaceBeforeSemicolon => {
            ("The grammar allows it, but a few senders ignore the record.", "Delete the white space.")
        }
        LintKind::LeadingWhiteSpace => (NO_RECORD, "Delete the white space."),
        LintKind::MissingSemicolon => (NO_RECORD, "Write a semicolon after `v=STSv1`."),
        LintKind::EscapedSemicolon => (NO_RECORD, "Delete the backslash, which only some zone files need."),
        LintKind::MisplacedRecord => (
            "Most senders skip it, but a few then see no MTA-STS record.",
            "Move the record to its own name.",
        ),
        LintKind::NearRecord => {
            ("Senders skip it, and use the other record.", "Delete it, since another record counts.")
        }
        LintKind::OtherRecord => (
            "Most senders skip it, but a few then see no MTA-STS record.",
            "Delete it if nobody needs it here.",
        ),
        LintKind::NoneMode => (
            "Senders deliver as if there were no policy, and report nothing.",
            "Write `mode: testing` and later `mode: enforce`, unless you are about to remove the policy.",
        ),
        LintKind::MxNotCovered => (
            "Senders that enforce the policy do not deliver to this host.",
            "Add a line `mx: HOST` with the name of the host.",
        ),
        LintKind::ProviderMx => (
            "Senders compare it with the names in your MX records, and it covers none of the usual ones.",
            "Compare it with your MX records.",
        ),
        LintKind::PartOfMxSet => (
            "Senders that enforce the policy do not deliver to the missing hosts.",
            "Compare it with your MX records.",
        ),
        LintKind::ColonForEquals => (NO_RECORD, "Replace the colon with an equals sign."),
        LintKind::ZoneLine => (NO_RECORD, "Use only the text between the quotes."),
        LintKind::RuaWithoutScheme => {
            (URI_DROPPED, "Write `mailto:` before an address, or `https://` before a host.")
        }
        LintKind::RuaScheme => (URI_DROPPED, "Write a URI with `mailto:` or `https:`."),
        LintKind::RuaExclamationMark => (
            "Senders send nothing to this URI, or send to an invalid address.",
            "Delete the mark and the size after it, which are DMARC syntax, or write `%21` if it belongs to the name.",
        ),
        LintKind::RuaWhiteSpace => {
            (URI_DROPPED, "Delete the white space, or write a comma between two URIs.")
        }
        LintKind::RuaCharacter => {
            (URI_DROPPED, "Write the URI in ASCII, with `%` and two digits for other characters.")
        }
        LintKind::RuaAddress => {
            (URI_DROPPED, "Write `mailto:` and one address, such as `mailto:tls-reports@DOMAIN`.")
        }
        LintKind::RuaUrl => {
            (URI_DROPPED, "Write `https://`, a host, and a path, without user name and password.")
        }
        LintKind::EmptyRua => {
            ("Senders skip it, and some refuse the whole record.", "Delete one of the commas.")
        }
        LintKind::DuplicateRua => ("Senders may send the same report twice.", "Delete one of them."),
        LintKind::ManyRuas => {
            ("Senders use the first few, and ignore the others.", "Keep at most 8, preferably one or two.")
        }
        LintKind::RuaElsewhere => (
            "Senders send the reports there, without checking whether that domain wants them.",
            "Keep it if the reports should be read there.",
        ),
        LintKind::ShortTlsrptTtl => (
            "Senders query it often, which gives an attacker more chances to forge the answer.",
            "Give the record a TTL of an hour or longer, or sign the zone with DNSSEC.",
        ),
        LintKind::MtaStsWithoutTlsrpt => (
            "Senders cannot tell you when the policy prevents delivery.",
            "Publish `v=TLSRPTv1; rua=mailto:ADDRESS` as a TXT record at `_smtp._tls.DOMAIN`.",
        ),
        LintKind::CompressedReport => (
            "Receivers unpack what comes as `application/tlsrpt+gzip`.",
            "Unpack it before you look at it here.",
        ),
        LintKind::MxHostDiffers => (
            "Receivers do not know which hosts were compared with which patterns.",
            "Write the patterns of the mx lines of the policy that was applied, as an array.",
        ),
        LintKind::ResultOfOtherPolicy => (
            "Receivers look for the cause in the wrong place.",
            "Count the failure under the policy that it is about, or with another result type.",
        ),
        LintKind::NoFailedSession => (RECEIVERS_PASS, "Leave out what nobody met."),
        LintKind::PolicyWithoutSessions => (
            "Receivers learn that the policy was seen, and nothing else.",
            "Leave out what no session was under.",
        ),
        LintKind::SeveralPolicyDomains => (
            "Receivers are told of domains that are not theirs, and may drop the report.",
            "Write a report for each domain, and send it to those whom its own TLSRPT record names.",
        ),
        LintKind::OtherCharset => (
            "Most senders ignore the charset, but a few decode the policy with it.",
            "Configure the Policy Host to send `text/plain` without a charset.",
        ),
    }
}

const fn of_report_error(kind: ReportErrorKind) -> &'static str {
    match kind {
        ReportErrorKind::TooLarge => "Keep the report under 10 MiB: tell fewer kinds of failures apart.",
        ReportErrorKind::BadJson => "Write JSON (RFC 8259), with a library that does nothing else.",
        ReportErrorKind::EndsEarly => "Send the whole file: here it is cut off.",
        ReportErrorKind::NotAnObject => {
            "Write one object, with `organization-name` and the other members of RFC 8460."
        }
        ReportErrorKind::MissingPolicies => "Add `policies`, an array with an element for each policy.",
        ReportErrorKind::TooDeep => "Write the members that RFC 8460 names, none of which is deep.",
        ReportErrorKind::TooManyPolicies => "Tell at most 1,000 policies apart.",
        ReportErrorKind::TooManyDetails => {
            "Tell at most 20,000 kinds of failures apart, and count what is the same together."
        }
        // Of reports that are to be written.
        _ => "Give the report what RFC 8460 demands before you write it.",
    }
}

#[allow(clippy::too_many_lines)] // A table.
const fn of_deviation(kind: DeviationKind) -> (&'static str, &'static str) {
    match kind {
        DeviationKind::MoreDeviations => {
            ("What receivers make of them is not shown.", "Mend those that are shown and look again.")
        }
        DeviationKind::ByteOrderMark => (SOME_RECEIVERS_REFUSE, "Save the report without a byte order mark."),
        DeviationKind::TextAfterReport => (SOME_RECEIVERS_REFUSE, "End the report with its last brace."),
        DeviationKind::BrokenText => {
            (SOME_RECEIVERS_REFUSE, "Write UTF-8, and replace what is none before you write it.")
        }
        DeviationKind::ControlCharacter => {
            (SOME_RECEIVERS_REFUSE, "Write control characters as escapes, such as `\\n`.")
        }
        DeviationKind::TextCut => {
            ("Receivers leave the rest out.", "Keep texts under 4,096 octets, and policies under 65,536.")
        }
        DeviationKind::DuplicateMember => {
            ("Some receivers take the last, and some refuse the whole report.", "Keep one of them.")
        }
        DeviationKind::UnknownMember => (
            "Receivers pass over it.",
            "Keep it if somebody wants it, since RFC 8460 lets reports have more.",
        ),
        DeviationKind::MissingMember => (SOME_RECEIVERS_REFUSE, "Add the member."),
        DeviationKind::NullMember => {
            (SOME_RECEIVERS_REFUSE, "Leave the member out if RFC 8460 permits that, or give it a value.")
        }
        DeviationKind::EmptyText => {
            (SOME_RECEIVERS_REFUSE, "Leave the member out where there is nothing to say.")
        }
        DeviationKind::WrongType => (VALUE_LOST, "Write the type of JSON that RFC 8460, 4.4, has here."),
        DeviationKind::StringForArray => {
            (SOME_RECEIVERS_REFUSE, "Write an array of strings, of one string if need be.")
        }
        DeviationKind::ObjectForArray => {
            (SOME_RECEIVERS_REFUSE, "Write an array of objects, of one object if need be.")
        }
        DeviationKind::ArrayInString => {
            ("Receivers take it for one line.", "Write the array itself, without the quotes around it.")
        }
        DeviationKind::LineFeed => {
            ("Receivers take it for several lines.", "Make each line an element of its own.")
        }
        DeviationKind::EmptyElement => (
            "Receivers leave the element out, or refuse the whole report.",
            "Leave out what says neither what it is about nor how often.",
        ),
        DeviationKind::NoPolicies => {
            ("Receivers learn nothing.", "Send no report where there is nothing to tell.")
        }
        DeviationKind::UnknownPolicyType => {
            (SOME_RECEIVERS_REFUSE, "Write `sts`, `tlsa` or `no-policy-found`.")
        }
        DeviationKind::UnknownResultType => (
            SOME_RECEIVERS_REFUSE,
            "Write a result type that RFC 8460, 4.3, registers, and say more in the `failure-reason-code`.",
        ),
        DeviationKind::MxHostWithoutSts => {
            (RECEIVERS_PASS, "Leave `mx-host` out, which is for patterns of MTA-STS.")
        }
        DeviationKind::BadContact => (
            "Receivers cannot write to you, and may take the report for forged.",
            "Write a mail address, without `mailto:`.",
        ),
        DeviationKind::BadName => (
            "Receivers may not find the name among their own.",
            "Write the name with A-labels, without a dot at the end.",
        ),
        DeviationKind::BadAddress => {
            (SOME_RECEIVERS_REFUSE, "Write one IPv4 or IPv6 address, without brackets and port.")
        }
        DeviationKind::UnusualAddress => (
            "Receivers that compare texts count it as another address.",
            "Write the address as RFC 5952 has it: short, in lower case.",
        ),
        DeviationKind::BadDatetime => (VALUE_LOST, "Write the time as `2016-04-01T00:00:00Z`."),
        DeviationKind::DatetimeOutOfRange => {
            (VALUE_LOST, "Set the clock right: nobody reports on such a time.")
        }
        DeviationKind::DatetimeWithoutZone => (SOME_RECEIVERS_REFUSE, "Add a `Z` at the end of the time."),
        DeviationKind::UnusualDatetime => (RECEIVERS_PASS, "Write the time as `2016-04-01T00:00:00Z`."),
        DeviationKind::EndAtMidnight => (
            "Receivers may count the report for two days.",
            "End the period at `23:59:59Z`, the last second that counts.",
        ),
        DeviationKind::NotOneDay => (
            "Receivers count the sessions for one of the days.",
            "Report on one day of UTC, from `00:00:00Z` to `23:59:59Z`.",
        ),
        DeviationKind::PeriodReversed => (VALUE_LOST, "Write the earlier time as `start-datetime`."),
        DeviationKind::CountAsString => (SOME_RECEIVERS_REFUSE, "Write the count as a number of JSON."),
        DeviationKind::CountAsFraction => (SOME_RECEIVERS_REFUSE, "Write the count in digits alone."),
        DeviationKind::CountTooLarge => (
            "Receivers read another number.",
            "Write 9007199254740991 where there were more (RFC 7493, 2.2).",
        ),
        DeviationKind::NegativeCount => (VALUE_LOST, "Count up from 0."),
        DeviationKind::BadCount => (VALUE_LOST, "Write the count in digits alone."),
        DeviationKind::DetailsBelowTotal => (
            "Receivers see that sessions failed, and not why.",
            "Count each failed session in an element of the failure details.",
        ),
    }
}
