//! Numbers as Terraform counts: binary floating point with 512 bits, read from and shown as decimals. Never an `f64`.
//!
//! A number is kept as the shortest decimal that names its binary value, so that showing and comparing one is cheap.
//! An operation goes through the binary value where the decimal could tell a different story, so that
//! `(1/3)*3 == 1` and `0.1 + 0.2 == 0.3` hold as they do in Terraform.

use std::fmt;
use std::str::FromStr;

use bigdecimal::num_bigint::{BigInt, BigUint, Sign};
use bigdecimal::{BigDecimal, ToPrimitive};
use thiserror::Error;

/// A finite number of 512 bits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(BigDecimal);

/// Why there is no such number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NumberError {
    /// The text is not a decimal number.
    #[error("a number is required")]
    Malformed,
    /// More digits before or after the point than anybody needs; calculating with them could take forever.
    #[error("the number has more than {LARGEST_EXPONENT} digits before or after the decimal point")]
    OutOfRange,
    /// Terraform answers infinity, which no attribute can hold.
    #[error("division by zero")]
    DivisionByZero,
}

/// The precision of Terraform's numbers.
const BITS: u64 = 512;

/// Decimals with at most this many significant digits name a 512-bit number each, and are its shortest name.
const SAFE_DIGITS: u64 = 150;

/// The largest distance of the leading digit from the decimal point.
const LARGEST_EXPONENT: i64 = 4096;

/// `mantissa * 2^exponent`, with at most 512 bits in the mantissa.
#[derive(Clone)]
struct Binary {
    negative: bool,
    mantissa: BigUint,
    exponent: i64,
}

impl Number {
    /// Zero.
    pub fn zero() -> Self {
        Self::from(0_i64)
    }

    /// The whole number, if it is one and fits.
    pub fn to_i64(&self) -> Option<i64> {
        if self.is_integer() { self.0.to_i64() } else { None }
    }

    /// The whole number, if it is one, is not negative and fits.
    pub fn to_usize(&self) -> Option<usize> {
        if self.is_integer() { self.0.to_usize() } else { None }
    }

    /// The nearest 64-bit float, for the functions that Terraform calculates with one.
    pub fn to_f64(&self) -> f64 {
        // `BigDecimal::to_f64` loses the last bit for some values; the standard parser rounds correctly.
        self.0.to_scientific_notation().parse().unwrap_or(f64::NAN)
    }

    /// The whole number of any size.
    ///
    /// # Errors
    /// When it has too many digits.
    pub fn from_bigint(value: BigInt) -> Result<Self, NumberError> {
        settle(BigDecimal::from_bigint(value, 0))
    }

    /// The whole number without a fraction, toward zero.
    pub fn truncated(&self) -> BigInt {
        self.0
            .with_scale_round(0, bigdecimal::RoundingMode::Down)
            .into_bigint_and_exponent()
            .0
    }

    /// Whether there is nothing after the decimal point.
    pub fn is_integer(&self) -> bool {
        self.0.is_integer()
    }

    /// -1, 0 or 1.
    pub fn signum(&self) -> i64 {
        match self.0.sign() {
            Sign::Minus => -1,
            Sign::NoSign => 0,
            Sign::Plus => 1,
        }
    }

    /// The nearest whole number that is not larger.
    #[must_use]
    pub fn floor(&self) -> Self {
        Self(self.0.with_scale_round(0, bigdecimal::RoundingMode::Floor).normalized())
    }

    /// The nearest whole number that is not smaller.
    #[must_use]
    pub fn ceil(&self) -> Self {
        Self(
            self.0
                .with_scale_round(0, bigdecimal::RoundingMode::Ceiling)
                .normalized(),
        )
    }

    /// Without its sign.
    #[must_use]
    pub fn abs(&self) -> Self {
        Self(self.0.abs())
    }

    /// With the other sign.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self(-&self.0)
    }

    /// The sum.
    ///
    /// # Errors
    /// When the result has too many digits.
    pub fn plus(&self, other: &Self) -> Result<Self, NumberError> {
        if let Some(exact) = exact_integer(self, other, |a, b| a + b) {
            return Ok(exact);
        }
        let (a, b) = (binary(&self.0), binary(&other.0));
        let exponent = a.exponent.min(b.exponent);
        let sum = a.scaled_to(exponent) + b.scaled_to(exponent);
        shortest(rounded_integer(&sum, exponent))
    }

    /// The difference.
    ///
    /// # Errors
    /// When the result has too many digits.
    pub fn minus(&self, other: &Self) -> Result<Self, NumberError> {
        self.plus(&other.negated())
    }

    /// The product.
    ///
    /// # Errors
    /// When the result has too many digits.
    pub fn times(&self, other: &Self) -> Result<Self, NumberError> {
        if let Some(exact) = exact_integer(self, other, |a, b| a * b) {
            return Ok(exact);
        }
        let (a, b) = (binary(&self.0), binary(&other.0));
        shortest(product(&a, &b))
    }

    /// The quotient.
    ///
    /// # Errors
    /// For a zero divisor, or when the result has too many digits.
    pub fn divided_by(&self, other: &Self) -> Result<Self, NumberError> {
        if other.signum() == 0 {
            return Err(NumberError::DivisionByZero);
        }
        shortest(quotient(&binary(&self.0), &binary(&other.0)))
    }

    /// What is left after taking `other` away as often as fits, with the sign of `self`.
    ///
    /// # Errors
    /// For a zero divisor, or when the result has too many digits.
    pub fn remainder(&self, other: &Self) -> Result<Self, NumberError> {
        if other.signum() == 0 {
            return Err(NumberError::DivisionByZero);
        }
        if let Some(exact) = exact_integer(self, other, |a, b| a % b) {
            return Ok(exact);
        }
        let times = settle(BigDecimal::from_bigint(self.divided_by(other)?.truncated(), 0))?;
        self.minus(&times.times(other)?)
    }
}

/// The result of an operation on whole numbers, when no rounding can have a part in it.
fn exact_integer(a: &Number, b: &Number, operation: impl Fn(BigInt, BigInt) -> BigInt) -> Option<Number> {
    if !a.is_integer() || !b.is_integer() {
        return None;
    }
    let result = operation(a.truncated(), b.truncated());
    (result.bits() <= BITS).then(|| Number(BigDecimal::from_bigint(result, 0).normalized()))
}

/// The number that a decimal of any length names.
fn settle(decimal: BigDecimal) -> Result<Number, NumberError> {
    let decimal = decimal.normalized();
    within_range(&decimal)?;
    if decimal.digits() <= SAFE_DIGITS || (decimal.is_integer() && fits(&decimal)) {
        return Ok(Number(decimal));
    }
    shortest(binary(&decimal))
}

fn fits(integer: &BigDecimal) -> bool {
    integer.order_of_magnitude() < 154
}

fn within_range(decimal: &BigDecimal) -> Result<(), NumberError> {
    let (digits, scale) = decimal.as_bigint_and_scale();
    let size = i64::try_from(digits.bits()).unwrap_or(i64::MAX);
    // A digit takes more than three bits, so this refuses at most what is a little beyond the limit.
    if scale.saturating_abs() > LARGEST_EXPONENT * 2 || size > LARGEST_EXPONENT * 4 {
        return Err(NumberError::OutOfRange);
    }
    if decimal.sign() != Sign::NoSign && decimal.order_of_magnitude().abs() > LARGEST_EXPONENT {
        return Err(NumberError::OutOfRange);
    }
    Ok(())
}

fn ten_to(power: i64) -> BigUint {
    BigUint::from(10_u8).pow(u32::try_from(power).unwrap_or(0))
}

/// The 512-bit number nearest to a decimal.
fn binary(decimal: &BigDecimal) -> Binary {
    let (digits, scale) = decimal.as_bigint_and_scale();
    let negative = digits.sign() == Sign::Minus;
    let magnitude = digits.magnitude().clone();
    let (numerator, denominator) = if scale > 0 {
        (magnitude, ten_to(scale))
    } else {
        (magnitude * ten_to(-scale), BigUint::from(1_u8))
    };
    Binary {
        negative,
        ..rounded_ratio(&numerator, &denominator)
    }
}

/// The 512-bit number nearest to a fraction; halves go to the even neighbour.
fn rounded_ratio(numerator: &BigUint, denominator: &BigUint) -> Binary {
    let zero = BigUint::from(0_u8);
    let bits = |value: &BigUint| i64::try_from(value.bits()).unwrap_or(i64::MAX);
    // At least 514 bits of quotient, so that what is cut off is never a whole half.
    let shift = 514 + bits(denominator) - bits(numerator);
    let (numerator, denominator) = if shift >= 0 {
        (numerator << shift.unsigned_abs(), denominator.clone())
    } else {
        (numerator.clone(), denominator << shift.unsigned_abs())
    };
    let quotient = &numerator / &denominator;
    let rest = &numerator - &quotient * &denominator;
    // Shift in one sticky bit that says whether anything was cut off.
    let sticky = BigUint::from(u8::from(rest != zero));
    rounded_magnitude((quotient << 1_u8) | sticky, -shift - 1)
}

fn rounded_integer(value: &BigInt, exponent: i64) -> Binary {
    Binary {
        negative: value.sign() == Sign::Minus,
        ..rounded_magnitude(value.magnitude().clone(), exponent)
    }
}

fn rounded_magnitude(value: BigUint, exponent: i64) -> Binary {
    let excess = value.bits().saturating_sub(BITS);
    if excess == 0 {
        return Binary {
            negative: false,
            mantissa: value,
            exponent,
        };
    }
    let mut mantissa = &value >> excess;
    let cut = &value - (&mantissa << excess);
    let half = BigUint::from(1_u8) << (excess - 1);
    if cut > half || (cut == half && mantissa.bit(0)) {
        mantissa += 1_u8;
    }
    Binary {
        negative: false,
        mantissa,
        exponent: exponent + i64::try_from(excess).unwrap_or(i64::MAX / 2),
    }
}

fn product(a: &Binary, b: &Binary) -> Binary {
    Binary {
        negative: a.negative != b.negative,
        ..rounded_magnitude(&a.mantissa * &b.mantissa, a.exponent + b.exponent)
    }
}

fn quotient(a: &Binary, b: &Binary) -> Binary {
    let ratio = rounded_ratio(&a.mantissa, &b.mantissa);
    Binary {
        negative: a.negative != b.negative,
        mantissa: ratio.mantissa,
        exponent: ratio.exponent + a.exponent - b.exponent,
    }
}

impl Binary {
    /// The whole number of `2^exponent` in it; `exponent` is not larger than its own.
    fn scaled_to(&self, exponent: i64) -> BigInt {
        let magnitude = &self.mantissa << (self.exponent - exponent).unsigned_abs();
        let sign = if self.negative { Sign::Minus } else { Sign::Plus };
        BigInt::from_biguint(sign, magnitude)
    }
}

/// The decimal digits of `mantissa * 2^exponent` and the power of ten that the last one counts.
fn decimal_digits(mantissa: &BigUint, exponent: i64) -> (Vec<u8>, i64) {
    let power = u32::try_from(exponent.unsigned_abs()).unwrap_or(0);
    let (whole, scale) = if exponent >= 0 {
        (mantissa << exponent.unsigned_abs(), 0)
    } else {
        (mantissa * BigUint::from(5_u8).pow(power), exponent)
    };
    (whole.to_radix_be(10), scale)
}

/// The shortest decimal that lies nearer to this number than to any other; the method is that of Go's `math/big`.
fn shortest(number: Binary) -> Result<Number, NumberError> {
    if number.mantissa.bits() == 0 {
        return Ok(Number::zero());
    }
    let size = i64::try_from(number.mantissa.bits()).unwrap_or(i64::MAX);
    // log10(2) is a little above 0.3, so this is an early and generous form of the limit on digits.
    if (number.exponent + size).abs() > LARGEST_EXPONENT * 7 / 2 {
        return Err(NumberError::OutOfRange);
    }
    // The lowest bit of `wide` counts half a unit in the last place.
    let up = u64::try_from(i64::try_from(BITS).unwrap_or(0) + 1 - size).unwrap_or(0);
    let wide = &number.mantissa << up;
    let exponent = number.exponent - i64::try_from(up).unwrap_or(0);
    let inclusive = !wide.bit(1);
    let (digits, scale) = decimal_digits(&wide, exponent);
    let (lower, _) = decimal_digits(&(&wide - 1_u8), exponent);
    let (upper, _) = decimal_digits(&(&wide + 1_u8), exponent);
    let (kept, dropped) = shorten(&digits, &trimmed(&lower), &trimmed(&upper), inclusive);
    let magnitude = BigUint::from_radix_be(&kept, 10).unwrap_or_default();
    let sign = if number.negative { Sign::Minus } else { Sign::Plus };
    let power = scale + i64::try_from(dropped).unwrap_or(0);
    let decimal = BigDecimal::from_bigint(BigInt::from_biguint(sign, magnitude), -power).normalized();
    within_range(&decimal)?;
    Ok(Number(decimal))
}

fn trimmed(digits: &[u8]) -> Vec<u8> {
    let end = digits.iter().rposition(|digit| *digit != 0).map_or(0, |at| at + 1);
    digits.get(..end).unwrap_or_default().to_vec()
}

/// As few leading digits as still tell the number from its neighbours, and how many were dropped.
fn shorten(digits: &[u8], lower: &[u8], upper: &[u8], inclusive: bool) -> (Vec<u8>, usize) {
    let at = |digits: &[u8], index: usize| digits.get(index).copied().unwrap_or(0);
    for (index, digit) in digits.iter().copied().enumerate() {
        let (low, high) = (at(lower, index), at(upper, index));
        let down = low != digit || (inclusive && index + 1 == lower.len());
        let up = digit != high && (inclusive || digit + 1 < high || index + 1 < upper.len());
        if !down && !up {
            continue;
        }
        let kept = digits.get(..=index).unwrap_or_default().to_vec();
        let rest = digits.get(index + 1..).unwrap_or_default();
        let round_up = match (down, up) {
            (true, true) => nearest_is_up(digit, rest),
            (_, up) => up,
        };
        let kept = if round_up { incremented(kept) } else { kept };
        return (kept, rest.len());
    }
    (digits.to_vec(), 0)
}

fn nearest_is_up(last: u8, rest: &[u8]) -> bool {
    match rest.split_first() {
        None => false,
        Some((first, others)) if *first == 5 && others.iter().all(|digit| *digit == 0) => last % 2 == 1,
        Some((first, _)) => *first >= 5,
    }
}

fn incremented(mut digits: Vec<u8>) -> Vec<u8> {
    for digit in digits.iter_mut().rev() {
        if *digit < 9 {
            *digit += 1;
            return digits;
        }
        *digit = 0;
    }
    digits.insert(0, 1);
    digits
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self(BigDecimal::from(value).normalized())
    }
}

impl From<usize> for Number {
    fn from(value: usize) -> Self {
        Self(BigDecimal::from(u64::try_from(value).unwrap_or(u64::MAX)).normalized())
    }
}

/// Reads a decimal such as `12`, `-0.5` or `1e10`.
impl FromStr for Number {
    type Err = NumberError;
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (digits, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let decimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !decimal(whole) || !decimal(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return Err(NumberError::Malformed);
        }
        let power = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if power.is_empty() || !decimal(power) {
            return Err(NumberError::Malformed);
        }
        let limit = usize::try_from(LARGEST_EXPONENT).unwrap_or(usize::MAX);
        let exponent = exponent.parse::<i32>().map_err(|_| NumberError::OutOfRange)?;
        if i64::from(exponent).abs() > LARGEST_EXPONENT || whole.len() > limit || fraction.len() > limit {
            return Err(NumberError::OutOfRange);
        }
        let written = format!("{}{whole}{fraction}", if text.starts_with('-') { "-" } else { "" });
        let integer = written.parse::<BigInt>().map_err(|_| NumberError::Malformed)?;
        let scale = i64::try_from(fraction.len()).unwrap_or(0) - i64::from(exponent);
        settle(BigDecimal::from_bigint(integer, scale))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_plain_string())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(n("0.1").plus(&n("0.2")).unwrap(), n("0.3"));
        assert_eq!(n("1").divided_by(&n("3")).unwrap().times(&n("3")).unwrap(), n("1"));
        assert_eq!(
            n("18446744073709551615").plus(&n("1")).unwrap().to_string(),
            "18446744073709551616"
        );
    }

    /// The answers are those of `terraform console`.
    #[test]
    fn rounded_results_have_the_digits_of_terraform() {
        let cases = [
            (n("1").divided_by(&n("3")), format!("0.{}5", "3".repeat(154))),
            (n("2").divided_by(&n("3")), format!("0.{}7", "6".repeat(153))),
            (n("11").remainder(&n("5.1")), format!("0.8{}24", "0".repeat(152))),
            (n("7.5").remainder(&n("0.7")), "0.5".to_owned()),
            (
                n("1e300").divided_by(&n("7")),
                format!("{}14286{}", "142857".repeat(25), "0".repeat(145)),
            ),
        ];
        for (result, shown) in cases {
            assert_eq!(result.unwrap().to_string(), shown);
        }
    }

    #[test]
    fn huge_exponents_are_refused_at_once() {
        assert_eq!("1e999999999".parse::<Number>(), Err(NumberError::OutOfRange));
        assert_eq!("1e-999999999".parse::<Number>(), Err(NumberError::OutOfRange));
        assert_eq!(n("1e4000").times(&n("1e4000")), Err(NumberError::OutOfRange));
        assert_eq!(n("1e400").to_string().len(), 401);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", "0x10", "1_000", "1e", "inf", "nan", ".", "1 ", "١"] {
            assert_eq!(text.parse::<Number>(), Err(NumberError::Malformed), "{text:?}");
        }
        for (text, shown) in [
            ("+5", "5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-0", "0"),
            ("1.50", "1.5"),
            ("1e3", "1000"),
        ] {
            assert_eq!(n(text).to_string(), shown);
        }
    }

    #[test]
    fn remainders_keep_the_sign_of_the_dividend() {
        assert_eq!(n("-7").remainder(&n("3")).unwrap(), n("-1"));
        assert_eq!(n("7").remainder(&n("-3")).unwrap(), n("1"));
        assert_eq!(n("5").remainder(&n("0")), Err(NumberError::DivisionByZero));
    }
}
