//! Accounts that belong to others, and accounts that the CA refuses.

use std::fs;
use std::path::PathBuf;

use instant_acme::{Account, AccountCredentials};

use crate::clock::DAY;
use crate::pebble::{Habits, KEY, KEY_ID, Pebble, files_of};
use crate::stage::{ONE, Stage};

fn account_file(stage: &Stage) -> PathBuf {
    files_of(stage.path()).into_iter().find(|file| file.ends_with("account.json")).unwrap()
}

/// Deactivates the saved account at the CA, as its owner may from another machine, or the CA itself.
async fn deactivate(stage: &Stage, pebble: &Pebble) {
    let credentials: AccountCredentials =
        serde_json::from_slice(&fs::read(account_file(stage)).unwrap()).unwrap();
    let root = stage.path().join("ca.pem");
    fs::write(&root, pebble.pem()).unwrap();
    let builder = Account::builder_with_root(root).unwrap();
    builder.from_credentials(credentials).await.unwrap().deactivate().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_belongs_to_an_external_one_where_the_ca_wants_it() {
    let mut stage = Stage::new().await;
    let pebble =
        Pebble::start(stage.address.port(), Habits { wants_external_account: true, ..Habits::default() });
    let config = stage.config(&pebble.directory_url(), &pebble.pem());
    // Without one, and with ones that the CA does not know.
    for config in [
        config.clone(),
        config.clone().with_external_account("another", KEY),
        config.clone().with_external_account(KEY_ID, *b"another"),
    ] {
        stage.keep(config, &[ONE]).await;
        let counts = stage.until(|counts| !counts.faults.is_empty()).await;
        assert_eq!((counts.faults.as_slice(), counts.issued), (&["external-account"][..], 0));
        stage.end().await;
    }
    stage.clock.set_ahead(DAY);
    let config = config.with_external_account(KEY_ID, KEY);
    assert!(!format!("{config:?}").contains("205, 99"), "the key is not shown");
    stage.keep(config, &[ONE]).await;
    let counts = stage.until(|counts| counts.issued == 1).await;
    assert!(counts.faults.is_empty(), "{counts:?}");
    assert!(stage.is_served(&pebble.trusted().await, ONE).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_was_deactivated_leaves_the_certificate_in_use_and_is_replaced_on_request() {
    let mut stage = Stage::new().await;
    let pebble = Pebble::start(stage.address.port(), Habits::default());
    stage.keep(stage.config(&pebble.directory_url(), &pebble.pem()), &[ONE]).await;
    stage.until(|counts| counts.issued == 1).await;
    deactivate(&stage, &pebble).await;
    stage.clock.set_ahead(61 * DAY);
    let counts = stage.until(|counts| !counts.faults.is_empty()).await;
    assert_eq!((counts.faults.as_slice(), counts.issued), (&["account-refused"][..], 1));
    let trusted = pebble.trusted().await;
    assert!(stage.is_served(&trusted, ONE).await);
    // It is not replaced by itself: the CA may have locked it for a reason.
    stage.clock.set_ahead(62 * DAY);
    let failed = counts.failed;
    stage.until(|counts| counts.failed > failed).await;
    assert!(account_file(&stage).exists());
    // What the log advises, without a restart.
    fs::remove_file(account_file(&stage)).unwrap();
    stage.clock.set_ahead(64 * DAY);
    stage.until(|counts| counts.issued == 2 && !counts.faults.contains(&"account-refused")).await;
    assert!(account_file(&stage).exists() && stage.is_served(&trusted, ONE).await);
}
