//! Which card waits for which.

use std::str::FromStr;

/// How wide a tree or a layer is.
const TREE_CHILDREN: u32 = 4;
const LAYERS: u32 = 10;

/// The shape of an epic's dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// No card waits for another.
    Flat,
    /// Each card waits for the one before.
    Chain,
    /// Each card waits for its parent, which four wait for.
    Tree,
    /// Ten layers; each card waits for two of the layer before.
    Layers,
}

impl Shape {
    /// The cards, by number, that card `card` of `cards` waits for; all have a smaller number.
    #[must_use]
    pub fn before(self, card: u32, cards: u32) -> Vec<u32> {
        match self {
            Self::Flat => Vec::new(),
            Self::Chain | Self::Tree if card == 0 => Vec::new(),
            Self::Chain => vec![card - 1],
            Self::Tree => vec![(card - 1) / TREE_CHILDREN],
            Self::Layers => {
                let width = cards.div_ceil(LAYERS).max(1);
                let Some(above) = card.checked_sub(width) else {
                    return Vec::new();
                };
                // Its neighbour in the layer before; the layer's last card takes its first.
                let layer = above / width * width;
                let beside = layer + (above - layer + 1) % width;
                let mut both = vec![above, beside];
                both.dedup();
                both
            }
        }
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Chain => "chain",
            Self::Tree => "tree",
            Self::Layers => "layers",
        }
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Flat, Self::Chain, Self::Tree, Self::Layers]
            .into_iter()
            .find(|shape| shape.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no shape; there are flat, chain, tree and layers"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_card_waits_for_earlier_ones_only() {
        let told = |shape: Shape, cards| {
            (0..cards)
                .map(|card| shape.before(card, cards))
                .collect::<Vec<_>>()
        };
        assert!(told(Shape::Flat, 9).iter().all(Vec::is_empty));
        assert_eq!(told(Shape::Chain, 3), [vec![], vec![0], vec![1]]);
        assert_eq!(
            told(Shape::Tree, 6),
            [vec![], vec![0], vec![0], vec![0], vec![0], vec![1]]
        );
        assert_eq!(
            told(Shape::Layers, 30)[..7],
            [
                vec![],
                vec![],
                vec![],
                vec![0, 1],
                vec![1, 2],
                vec![2, 0],
                vec![3, 4]
            ]
        );
        for cards in [1, 2, 9, 10, 11, 99] {
            for (card, before) in told(Shape::Layers, cards).iter().enumerate() {
                assert!(
                    before.iter().all(|id| (*id as usize) < card),
                    "{card} of {cards}"
                );
            }
        }
    }
}
