//! Acceptance erases the channel key: there is no second one.

use ripieno_secagg::epoch::{Bundle, Dealt};

fn accept_twice(dealt: Dealt, bundles: &[Bundle]) {
    let _ = dealt.accept(bundles);
    let _ = dealt.accept(bundles);
}

fn main() {}
