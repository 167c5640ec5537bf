//! What the figures were measured on.

/// Architecture, number of cores, and the instructions that matter here.
pub(crate) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{}, {cores} cores, {}", std::env::consts::ARCH, instructions().join(" "))
}

#[cfg(target_arch = "x86_64")]
fn instructions() -> Vec<&'static str> {
    macro_rules! known {
        ($($name:tt),*) => {
            [$(($name, std::arch::is_x86_feature_detected!($name))),*]
        };
    }
    let all = known!("aes", "vaes", "avx2", "avx512f", "avx512bw", "avx512dq", "sha");
    all.into_iter().filter_map(|(name, here)| here.then_some(name)).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn instructions() -> Vec<&'static str> {
    Vec::new()
}
