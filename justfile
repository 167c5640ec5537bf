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

# Whole federations under random faults, so many seeds, and one run ended at each of its points (docs/verification.md)
simulate-faults seeds="1000":
    RIPIENO_FAULT_SEEDS={{seeds}} cargo test --release -p ripieno-tests --test faults -- --nocapture

# The model of the protocol in its long form (docs/verification.md)
model:
    cargo test -p ripieno-model --release -- --ignored --nocapture

# All attacks over the real wire, and what stopped each; `just attacks sum` shows those about sums
attacks only="":
    cargo test -p ripieno-tests --test attacks -- --only "{{only}}"

# One fuzz target (docs/verification.md lists them), for so many seconds
fuzz target seconds="60":
    bash tests/fuzz/fuzz run "{{target}}" "{{seconds}}"

# Every fuzz target, each for so many seconds, two at a time
fuzz-all seconds="600":
    bash tests/fuzz/fuzz all "{{seconds}}" 2

# Takes each check away once, and says which test notices; `just remove-checks S4` does those of S4 anew (docs/verification.md)
remove-checks *ids:
    python3 tests/removal/remove.py {{ if ids == "" { "" } else { "--again " + ids } }}

# The share of lines of crates/secagg that its own tests run; fails below 95 % (docs/verification.md)
coverage:
    cargo tarpaulin -p ripieno-secagg --lib --test protocol --engine llvm --skip-clean --target-dir target/coverage \
        --include-files "crates/secagg/src/*" --fail-under 95 --timeout 600 -- --skip statistics:: --skip oracle::

# How well columns are classified, on the labelled tables under RIPIENO_DATA (docs/classification.md)
classifier-score:
    cargo test -p ripieno-catalog --test classifier -- --nocapture --test-threads 1

# All that must hold before a change goes in, in the order of .ci/run
ci:
    bash .ci/run

# All benches but that of memory: a table each, and target/bench.json (docs/performance.md)
bench:
    cargo build --release --bins
    cargo bench -p ripieno-bench
    cargo bench -p ripieno-tests --bench rounds --bench crowd --bench ingest

# The growth curves of the last `rounds` bench, as SVG in docs/
bench-plots:
    cargo run -q --release -p ripieno-bench --bin plots

# A federation of four hospitals on this machine
demo:
    cargo run --release --bin ripieno -- demo
