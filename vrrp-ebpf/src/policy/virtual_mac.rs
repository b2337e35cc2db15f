//! Frames to and from the Virtual Router MAC of a virtual router that uses it (`use_vmac`; RFC 9568
//! sections 6.4 and 7.3).
//!
//! No interface has that MAC: the kernel's stack takes a frame to it for somebody else's, and sends
//! nothing from it. So who has it changes with the ownership word, and nothing of it is left behind.

use super::{Action, Place, Tables, Verdict, counts::Counts};
use crate::{
    abi::Counter,
    frame::Frame,
    wire::{ethernet, mac},
};

/// The verdict on a received frame to a Virtual Router MAC that we do not own; nothing for every other
/// frame.
#[inline(always)]
pub(super) fn refuse<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
) -> Option<Verdict> {
    let slot = addressee(frame, tables, place)?;
    if tables.ownership(slot).serves(tables.now()) {
        return None;
    }
    //= C49: RFC 9568 section 6.4.2
    Some(Verdict::drop(slot, Counter::MacNotOwner))
}

/// The verdict on a received frame to a Virtual Router MAC that we own; nothing for every other frame,
/// which the stack drops if it is another host's.
#[inline(always)]
pub(super) fn accept<F: Frame + ?Sized, T: Tables>(
    frame: &F,
    tables: &T,
    place: Place,
) -> Option<Verdict> {
    let slot = addressee(frame, tables, place)?;
    if !tables.ownership(slot).serves(tables.now()) {
        return None;
    }
    //= C55: RFC 9568 section 6.4.3
    Some(Verdict::new(
        Action::Accept,
        slot,
        Counts::one(Counter::MacTaken),
    ))
}

/// Slot of the virtual router of ours to whose MAC a frame goes. Nothing is looked up for a frame to
/// any other MAC.
#[inline(always)]
fn addressee<F: Frame + ?Sized, T: Tables>(frame: &F, tables: &T, place: Place) -> Option<u32> {
    if !tables.has_virtual_macs() {
        return None;
    }
    let (family, vrid) = mac::router(ethernet::destination(frame)?)?;
    tables.virtual_mac(&place.router(family, vrid))
}
