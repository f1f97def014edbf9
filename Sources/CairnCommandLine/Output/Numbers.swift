/// The shortest text that reads back as the same number; without a fraction where there is none.
func shortest(_ value: Float) -> String {
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

/// A number with so many decimals, rounded.
func fixed(_ value: Double, decimals: Int) -> String {
    var factor = 1.0
    for _ in 0..<decimals { factor *= 10 }
    // Past this, doubles are whole numbers, and their thousandths no Int.
    guard value.isFinite, abs(value) < 1e15 / factor else { return "\(value)" }
    let scaled = Int((value * factor).rounded())
    guard decimals > 0 else { return "\(scaled)" }
    let sign = scaled < 0 ? "-" : ""
    let digits = "\(scaled.magnitude)"
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    return sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
}

/// A size for people: three or four digits and a unit.
func readableBytes(_ bytes: Int) -> String {
    var value = Double(bytes)
    for unit in ["bytes", "KiB", "MiB", "GiB"] {
        if value < 1024 { return "\(fixed(value, decimals: unit == "bytes" ? 0 : 1)) \(unit)" }
        value /= 1024
    }
    return "\(fixed(value, decimals: 1)) TiB"
}

/// A number of things: `1 vector`, `2 vectors`.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)" + (count == 1 ? "" : "s") }

extension String {
    /// With spaces in front, so that columns of numbers end together.
    func padded(to width: Int) -> String {
        String(repeating: " ", count: Swift.max(0, width - count)) + self
    }
}

extension Duration {
    var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
