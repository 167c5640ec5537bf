//! What opens a slot is a certificate that was checked, not any certificate.

use ripieno_secagg::round::open::Certified;
use ripieno_secagg::round::outcome::Certificate;

fn certified(certificate: Certificate) -> Certified {
    Certified(certificate)
}

fn main() {}
