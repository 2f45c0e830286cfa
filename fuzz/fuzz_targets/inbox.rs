//! A message that was received: whatever it is, what is found is bounded, and the page of it is text and nothing else.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mta_sts_core::UnixTime;
use mta_sts_reporter::{Inbox, InboxItem, InboxLimits, Overview, Page};

fuzz_target!(|message: &[u8]| {
    let limits = InboxLimits::new().with_max_message_len(1024 * 1024);
    let inbox = Inbox::new().with_limits(limits);
    let items = inbox.read_message(message);
    // Each of the 64 parts may be a report or a fault, and one fault stops it.
    assert!(items.len() <= 65, "{}", items.len());
    let trusting = inbox.clone().with_required_dkim("mx.example.com").read_message(message);
    assert_eq!(trusting.len(), items.len());
    let mut overview = Overview::new();
    for item in items {
        if let InboxItem::Report(received) = &item {
            assert!(received.json.len() <= 1024 * 1024);
            let line = received.origin.to_string();
            assert!(!line.contains(char::is_control), "{line:?}");
        }
        overview.add(item);
    }
    let page = Page::new(&overview, UnixTime::from_secs(1_795_780_800)).to_html();
    assert!(page.len() < 4 * 1024 * 1024, "{}", page.len());
    let (_, body) = page.split_once("</style>").expect("the page has a style");
    let is_inert = |char: char| !char.is_control() || char == '\n';
    assert!(body.chars().all(is_inert) && !body.contains("<script") && !body.contains("</style"), "{body}");
});
