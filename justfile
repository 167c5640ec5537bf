# The commands of this repository. What a check runs is written once, in .ci/run.

# List the recipes
default:
    @just --list

# Format every crate
fmt:
    cargo fmt --all

# Whether every crate is formatted
fmt-check:
    bash .ci/run fmt

# Lints, as errors
clippy:
    bash .ci/run clippy

# The documentation, warnings as errors
doc:
    bash .ci/run doc

# Bans, licences, sources, advisories
deny:
    bash .ci/run deny

# All tests
test:
    cargo test --workspace

# All that must hold before a change goes in, in the order of .ci/run
ci:
    bash .ci/run

# A federation of four hospitals on this machine
demo:
    cargo run --release --bin ripieno -- demo
