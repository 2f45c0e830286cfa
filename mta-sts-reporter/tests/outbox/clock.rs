use mta_sts_reporter::DeliveryState::{GivenUp, Sent, Waiting};
use mta_sts_world::ReportHostBehaviour;

use crate::stage::{HOUR, NEXT_DAY, NOON, Stage};

const MONTH: f64 = 30.0 * 24.0;

#[tokio::test]
async fn a_clock_that_is_a_month_ahead_loses_nothing() {
    let stage = Stage::new().await;
    stage.count(&["tlsrpt-https.test"]);
    stage.world.set_report_host("rua.tlsrpt-https.test", ReportHostBehaviour::Status(503)).unwrap();
    stage.send_at(MONTH).await;
    assert_eq!((stage.states()[0].1, stage.states()[0].2), (Waiting, 1), "early, and tried again");
    // The clock is set right: what was to be tried in a month is tried now.
    stage.world.reset().unwrap();
    stage.send_at(1.0).await;
    assert_eq!((stage.states()[0].1, stage.states()[0].2), (Sent, 2));
    assert_eq!(stage.posted().len(), 1);
    stage.send_at(NEXT_DAY).await;
    assert_eq!(stage.posted().len(), 1);
}

#[tokio::test]
async fn a_machine_that_was_off_for_a_week_goes_on() {
    let stage = Stage::new().await;
    stage.count(&["tlsrpt-https.test", "tlsrpt-https-unavailable.test"]);
    stage.world.set_report_host("rua.tlsrpt-https.test", ReportHostBehaviour::Status(503)).unwrap();
    stage.send_at(NEXT_DAY).await;
    stage.world.reset().unwrap();
    let mut hours = NEXT_DAY + 7.0 * 24.0;
    stage.send_at(hours).await;
    let states = stage.states();
    assert_eq!((states[1].1, states[0].1), (Sent, Waiting));
    for _ in 0..6 {
        hours += 15.0;
        stage.send_at(hours).await;
    }
    assert_eq!((stage.states()[0].1, stage.states()[0].2), (GivenUp, 7));
    assert_eq!(stage.outbox.counts().given_up, 1);
}

#[tokio::test]
async fn what_was_sent_is_known_for_a_week_and_no_longer() {
    let stage = Stage::new().await;
    stage.count(&["tlsrpt-https.test"]);
    stage.send_at(NEXT_DAY).await;
    assert_eq!(stage.states().len(), 1);
    for day in [6, 8] {
        let now = NOON + day * 24 * HOUR;
        stage.counted.session("tlsrpt-both.test", "v=TLSRPTv1; rua=mailto:a@b.test", false, now - 24 * HOUR);
        #[allow(clippy::cast_precision_loss)]
        stage.send_at(day as f64 * 24.0).await;
        let is_known = stage.states().iter().any(|(domain, ..)| domain == "tlsrpt-https.test");
        assert_eq!(is_known, day == 6, "day {day}");
    }
}
