//! The address list of an advert, summed up and digested in one go.

use crate::{
    abi::{address_digest_pair, address_digest_v6},
    checksum::Sum,
    frame::{Frame, WORD},
};

/// Words that are read at once, as far as there are so many. The compiler keeps what it makes of them on
/// the stack: twice as many take up a fifth more of it.
pub(super) const CHUNK: usize = 4;

/// Words of a piece of the list, which is read as a whole: an IPv6 address, or two of IPv4.
pub(super) const SIX: usize = 2;
/// The same for IPv4.
pub(super) const FOUR: usize = 1;

/// What the list comes to, read before anything depends on the advert's header: the verifier then
/// follows each loop once, and not once per kind of advert.
#[derive(Clone, Copy)]
pub(super) struct List {
    pub(super) sum: Sum,
    pub(super) digest: u32,
}

impl List {
    /// Reads so many pieces of `PIECE` words: `CHUNKS` times [`CHUNK`] words and a few at most. Nothing
    /// if they are not all there.
    #[inline(always)]
    pub(super) fn read<const PIECE: usize, const CHUNKS: usize, F: Frame + ?Sized>(
        frame: &F,
        at: usize,
        pieces: usize,
    ) -> Option<Self> {
        let mut list = Self {
            sum: Sum::ZERO,
            digest: 0,
        };
        let at = frame.blur(at);
        let chunks = pieces / (CHUNK / PIECE);
        // Blurred, as is where the rest starts, because the verifier learns the number of chunks
        // when it leaves the loop, and would walk through what follows once for each.
        let rest = frame.blur(pieces % (CHUNK / PIECE));
        for chunk in 0..CHUNKS {
            if chunk >= chunks {
                break;
            }
            list = list
                .add::<PIECE, CHUNK, _>(frame, at + chunk * CHUNK * WORD)?
                .carry();
        }
        let at = frame.blur(at + chunks * CHUNK * WORD);
        for piece in 0..CHUNK / PIECE - 1 {
            if piece >= rest {
                break;
            }
            list = list.add::<PIECE, PIECE, _>(frame, at + piece * PIECE * WORD)?;
        }
        Some(list.carry())
    }

    /// Adds `WORDS` words. What an IPv6 address begins with waits for its other half.
    #[inline(always)]
    fn add<const PIECE: usize, const WORDS: usize, F: Frame + ?Sized>(
        self,
        frame: &F,
        at: usize,
    ) -> Option<Self> {
        let start = (self, None);
        let (list, _) = frame.fold_words::<WORDS, _>(at, start, |(list, high), word| {
            let sum = list.sum.add_word(word);
            let (digest, high) = match high {
                _ if PIECE == FOUR => (address_digest_pair(list.digest, word), None),
                None => (list.digest, Some(word)),
                Some(high) => {
                    let address = u128::from(high) << 64 | u128::from(word);
                    (address_digest_v6(list.digest, address), None)
                }
            };
            (Self { sum, digest }, high)
        })?;
        Some(list)
    }

    #[inline(always)]
    fn carry(self) -> Self {
        Self {
            sum: self.sum.carry(),
            ..self
        }
    }
}
