//! How often parsing and matching ask for memory: counted here, since time alone does not tell.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt::Write;

use mta_sts_core::{DnsName, Policy, Record};

/// The system's allocator, which counts what each thread asks of it.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps to the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations and reallocations of a call.
fn allocations<T>(call: impl FnOnce() -> T) -> usize {
    let before = ALLOCATIONS.get();
    let result = call();
    let counted = ALLOCATIONS.get() - before;
    drop(result);
    counted
}

fn policy(mx_hosts: usize) -> String {
    let mut text = String::from("version: STSv1\r\nmode: enforce\r\n");
    for number in 0..mx_hosts {
        write!(text, "mx: mx{number}.mail.example.test\r\n").unwrap();
    }
    text + "max_age: 604800\r\n"
}

#[test]
fn a_record_is_read_without_memory() {
    assert_eq!(allocations(|| Record::parse(b"v=STSv1; id=20160831085700Z;").unwrap()), 0);
    assert_eq!(allocations(|| Record::parse(b"v=STSv1; id=not-an-id").unwrap_err()), 0);
}

#[test]
fn a_policy_takes_few_allocations_however_many_hosts_it_has() {
    for (mx_hosts, most) in [(2, 3), (100, 4), (1000, 4)] {
        let text = policy(mx_hosts);
        let counted = allocations(|| Policy::parse(text.as_bytes()).unwrap());
        assert!((1..=most).contains(&counted), "{mx_hosts} mx: {counted} allocations");
    }
}

#[test]
fn a_host_is_matched_without_memory() {
    let policy = Policy::parse(policy(100).as_bytes()).unwrap();
    let name = DnsName::parse("mx99.mail.example.test").unwrap();
    assert_eq!(allocations(|| policy.matching_pattern(&name).is_some()), 0);
    for host in ["MX99.mail.example.test.", "mx99.mail.example.test", "mx.attacker.test", "not a name"] {
        assert_eq!(allocations(|| policy.matches_mx(host)), 0, "{host}");
    }
}
