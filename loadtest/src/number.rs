//! What is done with numbers.

/// The one in the middle, or between the two in the middle. Not a number if there are none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => f64::NAN,
        (count, middle) if count % 2 == 1 => values[middle],
        (_, middle) => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// A whole number as a figure, to 53 bits.
#[must_use]
pub fn float(number: u64) -> f64 {
    let half = |bits: u64| f64::from(u32::try_from(bits & 0xffff_ffff).unwrap_or(u32::MAX));
    half(number >> 32) * 4_294_967_296.0 + half(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert!(median([]).is_nan());
        for (values, expected) in
            [(vec![3.0], 3.0), (vec![9.0, 1.0, 2.0], 2.0), (vec![1.0, 2.0, 4.0, 9.0], 3.0)]
        {
            assert!((median(values) - expected).abs() < f64::EPSILON);
        }
    }

    #[test]
    fn whole_numbers_stay_whole() {
        for (number, figure) in
            [(0, 0.0), (7, 7.0), (5_000_000_000, 5e9), (1 << 52, 2_f64.powi(52))]
        {
            assert!((float(number) - figure).abs() < 0.5, "{number}");
        }
    }
}
