//! Shamir's secret sharing over the scalar field of curve25519 (docs/protocol.md §3).
//!
//! The field has the prime order ℓ = 2^252 + 27742317777372353535851937790883648493, so every
//! polynomial of degree t − 1 is fixed by t points, and t − 1 points say nothing about its value at
//! 0. The points are the charter indices, which are never 0. Arithmetic is constant-time in the
//! secrets (`curve25519-dalek`).

use curve25519_dalek::Scalar;
use rand::CryptoRng;
use ripieno_study::SiteIndex;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a secret could not be reconstructed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ShamirError {
    /// No share, or two shares of one holder.
    #[error("the holders of the shares are not distinct")]
    Holders,
    /// The number of shares is not the number of holders.
    #[error("{shares} shares for {holders} holders")]
    Count {
        /// Shares given.
        shares: usize,
        /// Holders of the interpolation.
        holders: usize,
    },
}

/// A uniform scalar from 64 random bytes.
pub fn random_scalar(rng: &mut impl CryptoRng) -> Zeroizing<Scalar> {
    let mut wide = Zeroizing::new([0; 64]);
    rng.fill_bytes(wide.as_mut());
    Zeroizing::new(Scalar::from_bytes_mod_order_wide(&wide))
}

/// Reads a canonical encoding; `None` for any other.
#[must_use]
pub fn canonical(bytes: &[u8; 32]) -> Option<Zeroizing<Scalar>> {
    Option::<Scalar>::from(Scalar::from_canonical_bytes(*bytes)).map(Zeroizing::new)
}

/// A polynomial of degree t − 1 whose value at 0 is the secret.
pub struct Polynomial(Zeroizing<Vec<Scalar>>);

impl Polynomial {
    /// Draws the other coefficients. `threshold` is at least 1.
    pub fn draw(secret: &Scalar, threshold: u16, rng: &mut impl CryptoRng) -> Self {
        let mut coefficients = Zeroizing::new(Vec::with_capacity(usize::from(threshold)));
        coefficients.push(*secret);
        for _ in 1..threshold {
            coefficients.push(*random_scalar(rng));
        }
        Self(coefficients)
    }

    /// The share of `holder`: the value at its index, by Horner's rule.
    #[must_use]
    pub fn share(&self, holder: SiteIndex) -> Zeroizing<Scalar> {
        let x = Scalar::from(holder.get());
        let value = self.0.iter().rev().fold(Scalar::ZERO, |sum, a| sum * x + a);
        Zeroizing::new(value)
    }
}

impl std::fmt::Debug for Polynomial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Polynomial(<redacted>)")
    }
}

/// Lagrange weights at 0 for one set of holders, used for all secrets that they return.
#[derive(Clone, Debug)]
pub struct Interpolation(Vec<Scalar>);

impl Interpolation {
    /// λ_i = Π_{j≠i} x_j / (x_j − x_i).
    ///
    /// # Errors
    /// [`ShamirError::Holders`] for none, or a repeated one.
    pub fn at_zero(holders: &[SiteIndex]) -> Result<Self, ShamirError> {
        let points: Vec<Scalar> = holders.iter().map(|h| Scalar::from(h.get())).collect();
        if points.is_empty() {
            return Err(ShamirError::Holders);
        }
        let weight = |i: usize, x_i: &Scalar| {
            let others = points.iter().enumerate().filter(|(j, _)| *j != i);
            let (over, under) = others.fold((Scalar::ONE, Scalar::ONE), |(over, under), (_, x)| {
                (over * x, under * (x - x_i))
            });
            (under != Scalar::ZERO).then(|| over * under.invert())
        };
        let weights: Option<Vec<_>> =
            points.iter().enumerate().map(|(i, x)| weight(i, x)).collect();
        weights.map(Self).ok_or(ShamirError::Holders)
    }

    /// Σ λ_i · share_i, the shares in the order of the holders.
    ///
    /// # Errors
    /// [`ShamirError::Count`] where there is not one share a holder.
    pub fn combine(&self, shares: &[Scalar]) -> Result<Zeroizing<Scalar>, ShamirError> {
        if shares.len() != self.0.len() {
            return Err(ShamirError::Count { shares: shares.len(), holders: self.0.len() });
        }
        let terms = self.0.iter().zip(shares).map(|(weight, share)| weight * share);
        Ok(Zeroizing::new(terms.sum()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::ChaCha20Rng;

    fn holders(indices: &[u16]) -> Vec<SiteIndex> {
        indices.iter().filter_map(|i| SiteIndex::new(*i)).collect()
    }

    proptest! {
        #[test]
        fn any_t_shares_give_the_secret_and_fewer_do_not(
            seed: u64, n in 1u16..30, t in 1u16..30, skip in 0usize..30,
        ) {
            prop_assume!(t <= n);
            let mut rng = ChaCha20Rng::seed_from_u64(seed);
            let secret = random_scalar(&mut rng);
            let polynomial = Polynomial::draw(&secret, t, &mut rng);
            let all: Vec<_> = (1..=n).filter_map(SiteIndex::new).collect();
            let start = skip % (usize::from(n - t) + 1);
            let chosen = &all[start..start + usize::from(t)];
            let shares: Vec<_> = chosen.iter().map(|h| *polynomial.share(*h)).collect();
            let found = Interpolation::at_zero(chosen).unwrap().combine(&shares).unwrap();
            prop_assert_eq!(*found, *secret);
            if t > 1 {
                let (fewer, shares) = (&chosen[1..], &shares[1..]);
                let wrong = Interpolation::at_zero(fewer).unwrap().combine(shares).unwrap();
                prop_assert_ne!(*wrong, *secret);
            }
        }
    }

    /// Shamir's scheme as `vsss-rs` implements it, over the same field.
    #[test]
    fn an_independent_library_reconstructs_our_shares_and_deals_shares_to_us() {
        use vsss_rs::{IdentifierPrimeField, PrimeFieldShare, ReadableShareSet, Share, shamir};
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let secret = random_scalar(&mut rng);
        let polynomial = Polynomial::draw(&secret, 3, &mut rng);
        let chosen = holders(&[2, 5, 65_535]);
        let share = |holder: &SiteIndex| {
            let (x, y) = (Scalar::from(holder.get()), *polynomial.share(*holder));
            PrimeFieldShare::<Scalar>::with_identifier_and_value(x.into(), y.into())
        };
        let ours: Vec<_> = chosen.iter().map(share).collect();
        assert_eq!(ours.combine().unwrap().0, *secret);
        assert_ne!(ours[1..].to_vec().combine().unwrap().0, *secret);

        let field = IdentifierPrimeField(*secret);
        let theirs = shamir::split_secret::<PrimeFieldShare<Scalar>>(3, 5, &field, &mut rng);
        let values: Vec<_> = theirs.unwrap().iter().map(|share| share.value().0).collect();
        let weights = Interpolation::at_zero(&holders(&[1, 3, 4])).unwrap();
        assert_eq!(*weights.combine(&[values[0], values[2], values[3]]).unwrap(), *secret);
    }

    #[test]
    fn doubled_holders_and_wrong_counts_are_refused() {
        assert_eq!(Interpolation::at_zero(&holders(&[1, 2, 1])).unwrap_err(), ShamirError::Holders);
        assert_eq!(Interpolation::at_zero(&[]).unwrap_err(), ShamirError::Holders);
        let two = Interpolation::at_zero(&holders(&[1, 2])).unwrap();
        let refused = two.combine(&[Scalar::ONE]).unwrap_err();
        assert_eq!(refused, ShamirError::Count { shares: 1, holders: 2 });
    }

    #[test]
    fn only_canonical_encodings_are_read() {
        // ℓ itself, little-endian: the non-canonical encoding of 0.
        let order = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
            0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        assert!(canonical(&order).is_none());
        assert!(canonical(&Scalar::ONE.to_bytes()).is_some());
        assert!(canonical(&[0xff; 32]).is_none());
    }
}
