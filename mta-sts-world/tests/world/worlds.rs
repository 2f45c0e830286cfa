use std::net::SocketAddr;

use mta_sts_world::{State, World, WorldConfig};

use crate::client::{fetch, mail_hosts, world};

#[tokio::test]
async fn two_worlds_do_not_disturb_each_other() {
    let (one, two) = (world().await, world().await);
    assert_eq!(one.dns_addr().ip(), two.dns_addr().ip());
    assert_ne!(one.dns_addr(), two.dns_addr());
    assert_ne!(one.https_port(), two.https_port());
    assert_ne!(one.smtp_port(), two.smtp_port());

    one.switch("mx-spoofed", State::Calm).unwrap();
    assert_eq!(mail_hosts(&one, "mx-spoofed.test").await, ["mx.mx-spoofed.test"]);
    assert_eq!(mail_hosts(&two, "mx-spoofed.test").await, ["mx.attacker.test"]);
    assert_eq!(two.seen().dns.len(), 1);
    assert_ne!(one.ca_pem(), two.ca_pem());
}

#[tokio::test]
async fn a_world_can_be_started_again_at_the_same_ports() {
    let first = world().await;
    let config = WorldConfig {
        dns: Some(first.dns_addr()),
        https_port: Some(first.https_port()),
        smtp_port: Some(first.smtp_port()),
        customers: 2,
    };
    fetch(&first, "mta-sts.healthy-enforce.test").await.unwrap();
    assert_eq!(World::start(config.clone()).await.unwrap_err().code(), "bind-failed");
    first.shutdown().await;
    let second = World::start(config.clone()).await.unwrap();
    assert_eq!(Some(second.dns_addr()), config.dns);
    assert_eq!(fetch(&second, "mta-sts.healthy-enforce.test").await.unwrap().status, 200);
    // It has customers, and the first has none.
    assert_eq!(fetch(&second, "mta-sts.d1.customer.test").await.unwrap().status, 200);
    assert_eq!(mail_hosts(&second, "d1.customer.test").await, ["d1.mx.provider.test"]);
}

#[tokio::test]
async fn no_host_is_at_127_0_0_1() {
    let world = world().await;
    assert_ne!(world.dns_addr().ip(), SocketAddr::from(([127, 0, 0, 1], 0)).ip());
    for scenario in world.scenarios() {
        for host in mail_hosts(&world, &scenario.domain).await {
            let octets = crate::client::address(&world, &host).await.octets();
            assert_eq!(octets[..2], [127, 83], "{host}");
        }
    }
}
