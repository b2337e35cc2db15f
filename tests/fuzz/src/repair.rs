//! Checksums, put right where a search would take for ever to guess them.

const ICMPV6: u8 = 58;

/// Puts right what an IP packet and the message in it have for checksums. Nothing if there is no such
/// packet.
pub(crate) fn frame(frame: &mut [u8]) -> Option<()> {
    let at = match frame.get(12..14)? {
        [0x81, 0x00] | [0x88, 0xa8] => 18,
        _ => 14,
    };
    let packet = frame.get_mut(at..)?;
    if packet.first()? >> 4 == 6 {
        return packet_v6(packet);
    }
    let header = usize::from(packet.first()? & 0xf) * 4;
    let [high, low] = *packet.get(2..)?.first_chunk()?;
    let total = usize::from(u16::from_be_bytes([high, low]));
    message(packet.get_mut(header..total)?)?;
    put(packet.get_mut(..header)?, 10)
}

/// The same of an IPv6 packet without extension headers: VRRP, or ICMPv6.
fn packet_v6(packet: &mut [u8]) -> Option<()> {
    let (header, body) = packet.split_first_chunk_mut::<40>()?;
    let [_, _, _, _, high, low, number, _, addresses @ ..] = *header;
    let message = body.get_mut(..usize::from(u16::from_be_bytes([high, low])))?;
    let at = if number == ICMPV6 { 2 } else { 6 };
    message.get_mut(at..at + 2)?.fill(0);
    let pseudo_header = [0, 0, high, low, 0, 0, 0, number];
    let summed = [addresses.as_slice(), &pseudo_header, &*message].concat();
    let sum = checksum(&summed);
    message
        .get_mut(at..at + 2)?
        .copy_from_slice(&sum.to_be_bytes());
    Some(())
}

/// Puts right the checksum of a VRRP message, without a pseudo-header.
pub(crate) fn message(message: &mut [u8]) -> Option<()> {
    put(message, 6)
}

/// Whether these bytes, their checksum among them, sum up to nothing (RFC 1071).
pub(crate) fn is_intact(bytes: &[u8]) -> bool {
    checksum(bytes) == 0
}

fn put(bytes: &mut [u8], at: usize) -> Option<()> {
    bytes.get_mut(at..at + 2)?.fill(0);
    let sum = checksum(bytes);
    bytes
        .get_mut(at..at + 2)?
        .copy_from_slice(&sum.to_be_bytes());
    Some(())
}

fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| match *pair {
        [high, low] => u16::from_be_bytes([high, low]),
        [high] => u16::from_be_bytes([high, 0]),
        _ => 0,
    });
    !words.fold(0, |sum: u16, word| {
        let (sum, carry) = sum.overflowing_add(word);
        sum + u16::from(carry)
    })
}
