//! What an analysis sums and how the sum moves it on.
