//! Numbers as Terraform counts: binary floating point with 512 bits, read from and shown as decimals. Never an `f64`.
//!
//! A number is kept as the shortest decimal that names its binary value, so that showing and comparing one is cheap.
//! An operation goes through the binary value where the decimal could tell a different story, so that
//! `(1/3)*3 == 1` and `0.1 + 0.2 == 0.3` hold as they do in Terraform. As there, zero has a sign that equality does not see, and
//! whatever else is divided by zero is infinite; what would be no number at all is refused.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use bigdecimal::num_bigint::{BigInt, BigUint, Sign};
use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive};
use thiserror::Error;

/// A number of 512 bits, or infinity with a sign.
#[derive(Clone)]
pub struct Number(Kept);

#[derive(Clone)]
enum Kept {
    /// Zero itself is the one without a sign.
    Finite(BigDecimal),
    NegativeZero,
    Infinity,
    NegativeInfinity,
}

/// Why there is no such number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NumberError {
    /// The text is not a decimal number.
    #[error("a number is required")]
    Malformed,
    /// More digits before or after the point than anybody needs; calculating with them could take forever.
    #[error("the number has more than {LARGEST_EXPONENT} digits before or after the decimal point")]
    OutOfRange,
    /// Zero was divided by zero.
    #[error("zero divided by zero is no number")]
    ZeroByZero,
    /// Infinities that cancel each other, or meet zero.
    #[error("infinity meets infinity or zero here, and no number comes of it")]
    OfInfinity,
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

    fn zero_with(negative: bool) -> Self {
        match negative {
            true => Self(Kept::NegativeZero),
            false => Self::zero(),
        }
    }

    fn infinity_with(negative: bool) -> Self {
        Self(match negative {
            true => Kept::NegativeInfinity,
            false => Kept::Infinity,
        })
    }

    fn finite(decimal: BigDecimal) -> Self {
        Self(Kept::Finite(decimal.normalized()))
    }

    fn decimal(&self) -> Option<Cow<'_, BigDecimal>> {
        match &self.0 {
            Kept::Finite(decimal) => Some(Cow::Borrowed(decimal)),
            Kept::NegativeZero => Some(Cow::Owned(BigDecimal::from(0))),
            Kept::Infinity | Kept::NegativeInfinity => None,
        }
    }

    /// The whole number, if it is one and fits.
    pub fn to_i64(&self) -> Option<i64> {
        self.whole()?.to_i64()
    }

    /// The whole number, if it is one, is not negative and fits.
    pub fn to_usize(&self) -> Option<usize> {
        self.whole()?.to_usize()
    }

    /// The nearest 64-bit float, for the functions that Terraform calculates with one.
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            // `BigDecimal::to_f64` loses the last bit for some values; the standard parser rounds correctly.
            Kept::Finite(decimal) => decimal.to_scientific_notation().parse().unwrap_or(f64::NAN),
            Kept::NegativeZero => -0.0,
            Kept::Infinity => f64::INFINITY,
            Kept::NegativeInfinity => f64::NEG_INFINITY,
        }
    }

    /// What a 64-bit float is shown as. Nothing for what is no number.
    ///
    /// # Errors
    /// When it has too many digits.
    pub fn from_f64(value: f64) -> Option<Result<Self, NumberError>> {
        if value.is_nan() {
            return None;
        }
        // The standard formatter writes infinity as this module reads it.
        Some(format!("{value:e}").parse())
    }

    /// The whole number of any size.
    ///
    /// # Errors
    /// When it has too many digits.
    pub fn from_bigint(value: BigInt) -> Result<Self, NumberError> {
        settle(BigDecimal::from_bigint(value, 0))
    }

    /// The whole number of any size, if it is one.
    pub fn whole(&self) -> Option<BigInt> {
        let decimal = self.decimal()?;
        decimal
            .is_integer()
            .then(|| decimal.with_scale(0).into_bigint_and_exponent().0)
    }

    /// Whether there is nothing after the decimal point.
    pub fn is_integer(&self) -> bool {
        self.decimal().is_some_and(|decimal| decimal.is_integer())
    }

    /// Whether it is not infinite.
    pub fn is_finite(&self) -> bool {
        self.decimal().is_some()
    }

    /// Whether it has a minus sign; zero may have one.
    pub fn is_negative(&self) -> bool {
        match &self.0 {
            Kept::Finite(decimal) => decimal.sign() == Sign::Minus,
            Kept::NegativeZero | Kept::NegativeInfinity => true,
            Kept::Infinity => false,
        }
    }

    fn is_zero(&self) -> bool {
        self.signum() == 0
    }

    /// -1, 0 or 1.
    pub fn signum(&self) -> i64 {
        match &self.0 {
            Kept::Finite(decimal) => match decimal.sign() {
                Sign::Minus => -1,
                Sign::NoSign => 0,
                Sign::Plus => 1,
            },
            Kept::NegativeZero => 0,
            Kept::Infinity => 1,
            Kept::NegativeInfinity => -1,
        }
    }

    /// The nearest whole number that is not larger. A zero comes without a sign.
    #[must_use]
    pub fn floor(&self) -> Self {
        self.rounded(RoundingMode::Floor)
    }

    /// The nearest whole number that is not smaller. A zero comes without a sign.
    #[must_use]
    pub fn ceil(&self) -> Self {
        self.rounded(RoundingMode::Ceiling)
    }

    fn rounded(&self, mode: RoundingMode) -> Self {
        match self.decimal() {
            Some(decimal) => Self::finite(decimal.with_scale_round(0, mode)),
            None => self.clone(),
        }
    }

    /// Without its sign.
    #[must_use]
    pub fn abs(&self) -> Self {
        match self.is_negative() {
            true => self.negated(),
            false => self.clone(),
        }
    }

    /// With the other sign.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self(match &self.0 {
            Kept::Finite(decimal) if decimal.sign() == Sign::NoSign => Kept::NegativeZero,
            Kept::Finite(decimal) => Kept::Finite(-decimal),
            Kept::NegativeZero => return Self::zero(),
            Kept::Infinity => Kept::NegativeInfinity,
            Kept::NegativeInfinity => Kept::Infinity,
        })
    }

    /// The order that tells zero from negative zero, which comes first.
    pub fn total_cmp(&self, other: &Self) -> Ordering {
        self.cmp(other)
            .then_with(|| other.is_negative().cmp(&self.is_negative()))
    }

    /// The sum.
    ///
    /// # Errors
    /// When the result has too many digits, or infinities cancel each other.
    pub fn plus(&self, other: &Self) -> Result<Self, NumberError> {
        let (a, b) = match (self.decimal(), other.decimal()) {
            (Some(a), Some(b)) => (a, b),
            (None, None) if self != other => return Err(NumberError::OfInfinity),
            (None, _) => return Ok(self.clone()),
            (_, None) => return Ok(other.clone()),
        };
        if self.is_zero() && other.is_zero() {
            return Ok(Self::zero_with(self.is_negative() && other.is_negative()));
        }
        if let Some(exact) = exact_integer(self, other, |a, b| a + b) {
            return Ok(exact);
        }
        let (a, b) = (binary(&a), binary(&b));
        let exponent = a.exponent.min(b.exponent);
        let sum = a.scaled_to(exponent) + b.scaled_to(exponent);
        shortest(rounded_integer(&sum, exponent))
    }

    /// The difference.
    ///
    /// # Errors
    /// When the result has too many digits, or infinities cancel each other.
    pub fn minus(&self, other: &Self) -> Result<Self, NumberError> {
        self.plus(&other.negated())
    }

    /// The product.
    ///
    /// # Errors
    /// When the result has too many digits, or for infinity times zero.
    pub fn times(&self, other: &Self) -> Result<Self, NumberError> {
        let negative = self.is_negative() != other.is_negative();
        let zero = self.is_zero() || other.is_zero();
        let (a, b) = match (self.decimal(), other.decimal()) {
            (Some(a), Some(b)) => (a, b),
            (None, _) | (_, None) if zero => return Err(NumberError::OfInfinity),
            (None, _) | (_, None) => return Ok(Self::infinity_with(negative)),
        };
        if zero {
            return Ok(Self::zero_with(negative));
        }
        if let Some(exact) = exact_integer(self, other, |a, b| a * b) {
            return Ok(exact);
        }
        shortest(product(&binary(&a), &binary(&b)))
    }

    /// The quotient, which is infinite where the divisor is zero.
    ///
    /// # Errors
    /// For zero by zero and infinity by infinity, or when the result has too many digits.
    pub fn divided_by(&self, other: &Self) -> Result<Self, NumberError> {
        let negative = self.is_negative() != other.is_negative();
        let (a, b) = match (self.decimal(), other.decimal()) {
            (Some(a), Some(b)) => (a, b),
            (None, None) => return Err(NumberError::OfInfinity),
            (None, Some(_)) => return Ok(Self::infinity_with(negative)),
            (Some(_), None) => return Ok(Self::zero_with(negative)),
        };
        match (self.is_zero(), other.is_zero()) {
            (true, true) => Err(NumberError::ZeroByZero),
            (false, true) => Ok(Self::infinity_with(negative)),
            (true, false) => Ok(Self::zero_with(negative)),
            (false, false) => shortest(quotient(&binary(&a), &binary(&b))),
        }
    }

    /// What is left after taking `other` away as often as fits, with the sign of `self`: all of it where `other` is zero.
    ///
    /// # Errors
    /// For infinities, or when the result has too many digits.
    pub fn remainder(&self, other: &Self) -> Result<Self, NumberError> {
        if other.is_zero() {
            return Ok(self.clone());
        }
        if !self.is_finite() || !other.is_finite() {
            return Err(NumberError::OfInfinity);
        }
        if self.is_zero() {
            return Ok(Self::zero_with(self.is_negative() && !other.is_negative()));
        }
        if let Some(exact) = exact_integer(self, other, |a, b| a % b) {
            return Ok(exact);
        }
        let quotient = self.divided_by(other)?;
        let times = match quotient.is_negative() {
            true => quotient.ceil(),
            false => quotient.floor(),
        };
        self.minus(&times.times(other)?)
    }
}

/// The result of an operation on whole numbers, when no rounding can have a part in it.
fn exact_integer(a: &Number, b: &Number, operation: impl Fn(BigInt, BigInt) -> BigInt) -> Option<Number> {
    let result = operation(a.whole()?, b.whole()?);
    (result.bits() <= BITS).then(|| Number::finite(BigDecimal::from_bigint(result, 0)))
}

/// The number that a decimal of any length names.
fn settle(decimal: BigDecimal) -> Result<Number, NumberError> {
    let decimal = decimal.normalized();
    within_range(&decimal)?;
    if decimal.digits() <= SAFE_DIGITS || (decimal.is_integer() && fits(&decimal)) {
        return Ok(Number::finite(decimal));
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
    Ok(Number::finite(decimal))
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
        Self::finite(BigDecimal::from(value))
    }
}

impl From<usize> for Number {
    fn from(value: usize) -> Self {
        Self::finite(BigDecimal::from(u64::try_from(value).unwrap_or(u64::MAX)))
    }
}

/// Reads a decimal such as `12`, `-0.5` or `1e10`, and infinity as Terraform does.
impl FromStr for Number {
    type Err = NumberError;
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let negative = text.starts_with('-');
        if matches!(unsigned, "inf" | "Inf") {
            return Ok(Self::infinity_with(negative));
        }
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
        let written = format!("{whole}{fraction}");
        let integer = written.parse::<BigInt>().map_err(|_| NumberError::Malformed)?;
        let scale = i64::try_from(fraction.len()).unwrap_or(0) - i64::from(exponent);
        let number = settle(BigDecimal::from_bigint(integer, scale))?;
        Ok(if negative { number.negated() } else { number })
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kept::Finite(decimal) => f.write_str(&decimal.to_plain_string()),
            Kept::NegativeZero => f.write_str("-0"),
            Kept::Infinity => f.write_str("+Inf"),
            Kept::NegativeInfinity => f.write_str("-Inf"),
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By value: zero has one, whatever its sign.
impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.decimal(), other.decimal()) {
            (Some(a), Some(b)) => a.cmp(&b),
            // What is finite lies between both infinities.
            (None, None) | (None, Some(_)) | (Some(_), None) => {
                let rank = |number: &Self| if number.is_finite() { 0 } else { number.signum() };
                rank(self).cmp(&rank(other))
            }
        }
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
        for text in ["", "-", "0x10", "1_000", "1e", "infinity", "INF", "nan", ".", "1 ", "١"] {
            assert_eq!(text.parse::<Number>(), Err(NumberError::Malformed), "{text:?}");
        }
        for (text, shown) in [
            ("+5", "5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-0", "-0"),
            ("-0.0e3", "-0"),
            ("inf", "+Inf"),
            ("-Inf", "-Inf"),
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
        assert_eq!(n("5").remainder(&n("-0")).unwrap(), n("5"));
    }

    /// The answers are those of `terraform console`; the corpus has more.
    #[test]
    fn zero_has_a_sign_and_what_it_divides_is_infinite() {
        let shown = |result: Result<Number, NumberError>| result.map(|number| number.to_string());
        assert_eq!(n("-0"), n("0"));
        assert_eq!(n("-0").total_cmp(&n("0")), Ordering::Less);
        assert_eq!(shown(n("0").times(&n("-1"))), Ok("-0".to_owned()));
        assert_eq!(shown(n("-0").minus(&n("-0"))), Ok("0".to_owned()));
        assert_eq!(shown(n("1").divided_by(&n("-0"))), Ok("-Inf".to_owned()));
        assert_eq!(n("0").divided_by(&n("0")), Err(NumberError::ZeroByZero));
        assert_eq!(n("inf").minus(&n("inf")), Err(NumberError::OfInfinity));
        assert!(n("-inf") < n("-1e4000") && n("1e4000") < n("inf"));
    }
}
