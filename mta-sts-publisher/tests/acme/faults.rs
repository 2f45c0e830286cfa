//! What goes wrong: challenges, the CA, the clock, the disk.

use std::env;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::clock::DAY;
use crate::pebble::{Habits, Pebble, files_of};
use crate::stage::{ONE, Stage, TWO};

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_that_fails_holds_up_no_other_name() {
    let mut stage = Stage::new().await;
    let pebble = Pebble::start(stage.address.port(), Habits::default());
    pebble.mislead(ONE, true);
    stage.keep(stage.config(&pebble.directory_url(), &pebble.pem()), &[ONE, TWO]).await;
    let counts = stage.until(|counts| counts.issued == 1 && counts.failed >= 1).await;
    // It concerns one name.
    assert_eq!((counts.without_certificate, counts.faults.len()), (1, 0));
    let trusted = pebble.trusted().await;
    assert!(stage.is_served(&trusted, TWO).await && !stage.is_served(&trusted, ONE).await);
    pebble.mislead(ONE, false);
    stage.until(|counts| counts.without_certificate == 0).await;
    assert!(stage.is_served(&trusted, ONE).await);
    let attempts = stage.path().read_dir().unwrap().next().unwrap().unwrap().path().join("attempts");
    // Nothing is held against it.
    while attempts.read_dir().unwrap().count() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_that_is_down_for_ten_days_costs_nothing() {
    let mut stage = Stage::new().await;
    let fifteen_days = Habits { life: 15 * 24 * 3600, ..Habits::default() };
    let mut pebble = Pebble::start(stage.address.port(), fifteen_days);
    stage.keep(stage.config(&pebble.directory_url(), &pebble.pem()), &[ONE, TWO]).await;
    stage.until(|counts| counts.without_certificate == 0).await;
    let trusted = pebble.trusted().await;
    pebble.stop();

    // A third of the life is left on the tenth day.
    stage.clock.set_ahead(10 * DAY);
    let counts = stage.until(|counts| !counts.faults.is_empty()).await;
    assert_eq!((counts.faults.as_slice(), counts.ending), (&["ca-unreachable"][..], 0));
    // On the fourteenth it is told that they end.
    stage.clock.set_ahead(14 * DAY);
    let counts = stage.until(|counts| counts.ending == 2).await;
    assert_eq!((counts.without_certificate, counts.issued), (0, 2));
    assert!(stage.is_served(&trusted, ONE).await, "the old certificate stays in use");

    // A CA that has forgotten the account.
    let sixty_days = Habits { life: 60 * 24 * 3600, ..Habits::default() };
    let pebble = pebble.restart(stage.address.port(), sixty_days);
    stage.clock.set_ahead(16 * DAY);
    let counts = stage.until(|counts| counts.issued == 4).await;
    assert_eq!((counts.without_certificate, counts.ending, counts.faults.len()), (0, 0, 0));
    assert!(stage.is_served(&pebble.trusted().await, ONE).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_orders_once_and_not_for_ever() {
    let mut stage = Stage::new().await;
    let pebble = Pebble::start(stage.address.port(), Habits::default());
    stage.keep(stage.config(&pebble.directory_url(), &pebble.pem()), &[ONE]).await;
    stage.until(|counts| counts.issued == 1).await;
    // Back by a year: what is valid for the world stays in use, and nothing is ordered.
    stage.clock.set_ahead(-365 * DAY);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(stage.acme().counts().issued, 1);
    assert!(stage.is_served(&pebble.trusted().await, ONE).await);
    // Ahead by a year: whatever the CA issues has ended by this clock.
    stage.clock.set_ahead(365 * DAY);
    let counts = stage.until(|counts| counts.issued == 2 && !counts.faults.is_empty()).await;
    assert_eq!(counts.faults, ["clock"]);
    stage.clock.set_ahead(366 * DAY);
    stage.until(|counts| counts.issued == 3).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(stage.acme().counts().issued, 3, "it waits longer each time");
    // Right again: what the clock has held up is over.
    stage.clock.set_ahead(61 * DAY);
    stage.until(|counts| counts.issued == 4).await;
    assert!(stage.is_served(&pebble.trusted().await, ONE).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_orders_nothing() {
    let mut stage = Stage::new().await;
    let pebble = Pebble::start(stage.address.port(), Habits::default());
    stage.keep(stage.config(&pebble.directory_url(), &pebble.pem()), &[ONE]).await;
    stage.until(|counts| counts.issued == 1).await;
    let attempts = stage.path().read_dir().unwrap().next().unwrap().unwrap().path().join("attempts");
    let elsewhere = stage.path().join("elsewhere");
    fs::rename(&attempts, &elsewhere).unwrap();
    fs::write(&attempts, "").unwrap();
    stage.clock.set_ahead(61 * DAY);
    let counts = stage.until(|counts| !counts.faults.is_empty()).await;
    assert_eq!((counts.faults.as_slice(), counts.issued), (&["state"][..], 1));
    assert!(stage.is_served(&pebble.trusted().await, ONE).await);
    fs::remove_file(&attempts).unwrap();
    fs::rename(&elsewhere, &attempts).unwrap();
    stage.clock.set_ahead(61 * DAY + 3600);
    stage.until(|counts| counts.issued >= 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_saved_is_used_and_saved_later() {
    let mut stage = Stage::new().await;
    let pebble = Pebble::start(stage.address.port(), Habits::default());
    let config = stage.config(&pebble.directory_url(), &pebble.pem());
    stage.keep(config, &[]).await;
    let certificates = stage.path().read_dir().unwrap().next().unwrap().unwrap().path().join("certificates");
    fs::remove_dir(&certificates).unwrap();
    fs::write(&certificates, "").unwrap();
    stage.acme().set_names([ONE.to_owned()]);
    let counts = stage.until(|counts| !counts.faults.is_empty()).await;
    assert_eq!((counts.faults.as_slice(), counts.issued, counts.without_certificate), (&["state"][..], 1, 0));
    assert!(stage.is_served(&pebble.trusted().await, ONE).await);
    fs::remove_file(&certificates).unwrap();
    fs::create_dir(&certificates).unwrap();
    stage.until(|counts| counts.faults.is_empty()).await;
    let saved = fs::read_to_string(certificates.join(format!("{ONE}.pem"))).unwrap();
    assert!(saved.contains("PRIVATE KEY") && saved.ends_with("-----END CERTIFICATE-----\n"));
    assert_eq!(stage.acme().counts().issued, 1, "nothing was ordered for it");
}

/// The small disk of a process of [`a_full_disk_leaves_what_is_served_and_is_told`].
const DISK: &str = "PUBLISHER_SMALL_DISK";

#[test]
fn a_full_disk_leaves_what_is_served_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let ended = Command::new("unshare")
        .args(["--mount", "sh", "-c", r#"mount -t tmpfs -o size=256k tmpfs "$0" && exec "$@""#])
        .arg(folder.path())
        .arg(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "faults::process_with_a_small_disk"])
        .env(DISK, folder.path())
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the process of the test before, with a small disk"]
async fn process_with_a_small_disk() {
    let disk = PathBuf::from(env::var_os(DISK).unwrap());
    let mut stage = Stage::in_folder(tempfile::tempdir_in(&disk).unwrap()).await;
    let pebble = Pebble::start(stage.address.port(), Habits::default());
    stage.keep(stage.config(&pebble.directory_url(), &pebble.pem()), &[ONE]).await;
    stage.until(|counts| counts.issued == 1).await;
    let trusted = pebble.trusted().await;
    let saved = || files_of(stage.path()).into_iter().map(|file| (fs::read(&file).unwrap(), file));
    let before: Vec<_> = saved().collect();

    let filling = disk.join("filling");
    let mut file = fs::File::create(&filling).unwrap();
    while file.write_all(&[0; 512]).is_ok() {}
    stage.clock.set_ahead(61 * DAY);
    let counts = stage.until(|counts| !counts.faults.is_empty()).await;
    assert_eq!((counts.faults.as_slice(), counts.issued, counts.without_certificate), (&["state"][..], 1, 0));
    assert!(stage.is_served(&trusted, ONE).await);
    // What was whole is whole; what could not be written has another name.
    assert!(before.iter().all(|(octets, file)| fs::read(file).is_ok_and(|now| now == *octets)));

    // With an account that is not there, none is made that could not be saved.
    let account = files_of(stage.path()).into_iter().find(|file| file.ends_with("account.json")).unwrap();
    let put_aside = account.with_extension("aside");
    fs::rename(&account, &put_aside).unwrap();
    stage.clock.set_ahead(61 * DAY + 3600);
    let failed = counts.failed;
    stage.until(|counts| counts.failed > failed).await;
    assert!(!account.exists());
    fs::rename(&put_aside, &account).unwrap();

    drop(file);
    fs::remove_file(&filling).unwrap();
    stage.clock.set_ahead(61 * DAY + 7200);
    stage.until(|counts| counts.issued == 2 && !counts.faults.contains(&"state")).await;
    assert!(stage.is_served(&trusted, ONE).await);
}
