//! What the verifier has to see, and the compiler would optimise away.

use core::arch::asm;

/// The same value, of which the compiler knows nothing any more.
///
/// A bound that the compiler can prove is not checked again, but the verifier of kernels before
/// 5.11 forgets it when the value spends time on the stack. And an access to the packet is allowed
/// only through the very register that was compared with the packet's end, not through one that
/// was added up in another order.
#[inline(always)]
pub(super) fn opaque(value: usize) -> usize {
    let copy;
    // SAFETY: copies a register. An empty template would leave two line records for the next
    // instruction, which the kernel refuses.
    unsafe {
        asm!(
            "{copy} = {value}",
            value = in(reg) value,
            copy = lateout(reg) copy,
            options(pure, nomem, nostack),
        );
    }
    copy
}

/// The eight bytes at an address, as they stand there.
///
/// One load, whatever the alignment: the kernel allows that in packets on CPUs which take it
/// (x86-64 and arm64 among them), but the compiler does not make use of it.
///
/// # Safety
/// They are readable, and as the verifier knows.
#[inline(always)]
pub(super) unsafe fn load(address: usize) -> u64 {
    let word;
    // SAFETY: reads what the caller vouches for.
    unsafe {
        asm!(
            "{word} = *(u64 *)({address} + 0)",
            address = in(reg) address,
            word = lateout(reg) word,
            options(pure, readonly, nostack),
        );
    }
    word
}

/// The same value, of which neither the compiler nor the verifier knows anything any more: for the
/// verifier, a value combined with `noise` that it does not know stays unknown, even when `noise`
/// is taken out again.
#[inline(always)]
pub(super) fn unknown(value: usize, noise: usize) -> usize {
    let mut copy = value;
    // SAFETY: changes a register and changes it back.
    unsafe {
        asm!(
            "{copy} ^= {noise}",
            "{copy} ^= {noise}",
            noise = in(reg) noise,
            copy = inout(reg) copy,
            options(pure, nomem, nostack),
        );
    }
    copy
}

/// Makes a number of 32 bits, of which the verifier knows none, one of 64.
#[inline(always)]
pub(super) const fn noise(number: usize) -> usize {
    number.wrapping_mul(0x1_0000_0001)
}
