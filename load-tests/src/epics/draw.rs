//! Chance that can be repeated: the same seed draws the same.
//!
//! Each card draws from a stream of its own, so that a plan with more cards begins like the one with
//! fewer. The generator is SplitMix64 (Steele, Lea and Flood, *Fast Splittable Pseudorandom Number
//! Generators*, 2014).

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stream of draws.
#[derive(Debug, Clone)]
pub struct Draw {
    state: u64,
}

impl Draw {
    /// The stream of one card of one epic.
    #[must_use]
    pub fn for_card(seed: u64, epic: u32, card: u32) -> Self {
        let place = (u64::from(epic) << 32) | u64::from(card);
        let mut state = Self {
            state: seed ^ place.wrapping_mul(STEP),
        };
        // Neighbouring seeds must not begin alike.
        state.state = state.next();
        state
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        // The 53 bits that a double holds.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something of this chance happens.
    pub fn happens(&mut self, chance: f64) -> bool {
        self.unit() < chance
    }

    /// One of these; `None` of nothing.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let at = (self.unit() * of.len() as f64) as usize;
        of.get(at)
    }

    /// From the normal distribution with mean 0 and deviation 1 (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        // 1 - unit is never 0, whose logarithm there is none of.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_each_card_its_own() {
        let of = |seed, epic, card| {
            let mut draw = Draw::for_card(seed, epic, card);
            [draw.next(), draw.next()]
        };
        assert_eq!(of(7, 0, 3), of(7, 0, 3));
        let all = [of(7, 0, 3), of(7, 0, 4), of(7, 1, 3), of(8, 0, 3)];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one), "{all:?}");
        }
    }

    #[test]
    fn units_and_normals_have_the_means_they_should() {
        let mut draw = Draw::for_card(1, 0, 0);
        let many = 20_000_u32;
        let mean = |sum: f64| sum / f64::from(many);
        let units = mean((0..many).map(|_| draw.unit()).sum());
        let normals: Vec<f64> = (0..many).map(|_| draw.normal()).collect();
        let square = mean(normals.iter().map(|x| x * x).sum());
        assert!((units - 0.5).abs() < 0.02, "{units}");
        assert!(mean(normals.iter().sum()).abs() < 0.05);
        assert!((square - 1.0).abs() < 0.05, "{square}");
    }
}
