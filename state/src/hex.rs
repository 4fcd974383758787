//! Bytes as lowercase hexadecimal digits, two each, and back. Nothing else.

pub(crate) fn encode(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.filter_map(|half| DIGITS.get(usize::from(half))).collect()
}

pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let half = char::from(*digit).to_digit(16)?;
            *byte = (*byte << 4) | u8::try_from(half).ok()?;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_other_texts_are_refused() {
        let bytes: [u8; 32] = std::array::from_fn(|index| (index * 8 + 5) as u8);
        let text = encode(&bytes);
        assert!(text.starts_with("050d151d"), "{text}");
        assert_eq!(decode(&text), Some(bytes));
        assert_eq!(decode::<32>(text.trim_end_matches('d')), None);
        assert_eq!(decode::<32>(&text.replace('d', "g")), None);
    }
}
