//! Histories, and the checks that judge them.
#![cfg(feature = "harness")]

mod agreement;
mod brute;
mod central;
#[cfg(feature = "histories")]
mod forms;
mod limits;
mod others;
mod plain;
mod weaker;
mod worlds;

#[test]
fn the_search_agrees_with_one_that_tries_all_orders() {
    let (right, all) = agreement::agree_all(1, 20_000);
    assert!(right > all / 5 && right < all * 4 / 5, "{right} of {all} are linearizable: too much of one kind");
}
