//! A site's data sources.
