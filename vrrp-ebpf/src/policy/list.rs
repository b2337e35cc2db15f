//! The address list of an advert, summed up and digested in one go.

use crate::{
    abi::address_digest_pair,
    checksum::Sum,
    frame::{Frame, WORD},
};

/// Words that are read at once, as far as there are so many. The compiler keeps what it makes of them on
/// the stack: twice as many take up a fifth more of it.
pub(super) const CHUNK: usize = 4;

/// What the list comes to, read before anything depends on the advert's header: the verifier then
/// follows each loop once, and not once per kind of advert.
#[derive(Clone, Copy)]
pub(super) struct List {
    pub(super) sum: Sum,
    pub(super) digest: u32,
}

impl List {
    /// Reads so many words, `CHUNKS` times [`CHUNK`] and a few at most. Nothing if they are not all
    /// there.
    #[inline(always)]
    pub(super) fn read<const CHUNKS: usize, F: Frame + ?Sized>(
        frame: &F,
        at: usize,
        words: usize,
    ) -> Option<Self> {
        let mut list = Self {
            sum: Sum::ZERO,
            digest: 0,
        };
        let at = frame.blur(at);
        let chunks = words / CHUNK;
        // Blurred, as is where the rest starts, because the verifier learns the number of chunks
        // when it leaves the loop, and would walk through what follows once for each.
        let rest = frame.blur(words % CHUNK);
        for chunk in 0..CHUNKS {
            if chunk >= chunks {
                break;
            }
            list = frame
                .fold_words::<CHUNK, _>(at + chunk * CHUNK * WORD, list, Self::add)?
                .carry();
        }
        let at = frame.blur(at + chunks * CHUNK * WORD);
        for word in 0..CHUNK - 1 {
            if word >= rest {
                break;
            }
            list = frame.fold_words::<1, _>(at + word * WORD, list, Self::add)?;
        }
        Some(list.carry())
    }

    #[inline(always)]
    fn add(self, word: u64) -> Self {
        Self {
            sum: self.sum.add_word(word),
            digest: address_digest_pair(self.digest, word),
        }
    }

    #[inline(always)]
    fn carry(self) -> Self {
        Self {
            sum: self.sum.carry(),
            ..self
        }
    }
}
