//! A view cannot be written down.
use ripieno_access::View;

fn build(lawful: View) -> View {
    View { dropped: 0, ..lawful }
}

fn main() {}
