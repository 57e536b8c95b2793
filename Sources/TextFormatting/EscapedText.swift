/// The text on one line and without anything a terminal obeys.
///
/// Escaped are C0, DEL and C1 controls, line and paragraph separators, and the characters of format, which show nothing
/// themselves: marks that reverse the direction of what follows (UAX #9 §2), and those of no width, with which two names
/// that differ would look the same. A remote name may hold all of them. The two joiners stay where they join: behind
/// letters of scripts that need them, and within emoji.
package func escapingControls(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var escaped = ""
    var last: Unicode.Scalar = " "
    for scalar in text.unicodeScalars {
        defer { last = scalar }
        switch scalar {
        case _ where isJoiner(scalar) && last.value >= 0x300 && !isControl(last): escaped.unicodeScalars.append(scalar)
        case "\n": escaped += "\\n"
        case "\r": escaped += "\\r"
        case "\t": escaped += "\\t"
        case _ where isControl(scalar): escaped += "\\u{" + String(scalar.value, radix: 16) + "}"
        default: escaped.unicodeScalars.append(scalar)
        }
    }
    return escaped
}

/// A JSON document in which nothing stands that a terminal obeys; it means the same.
///
/// Line breaks and the like between its values stay: in its strings they are escaped already.
package func escapingInJSON(_ document: String) -> String {
    func isLeft(_ scalar: Unicode.Scalar) -> Bool { scalar.value >= 0x7F && isControl(scalar) }
    guard document.unicodeScalars.contains(where: isLeft) else { return document }
    var escaped = ""
    for scalar in document.unicodeScalars {
        guard isLeft(scalar) else {
            escaped.unicodeScalars.append(scalar)
            continue
        }
        // Beyond the first 65,536 characters a pair of surrogates (RFC 8259, section 7).
        for unit in UTF16.encode(scalar) ?? .init() {
            let digits = String(unit, radix: 16)
            escaped += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
    }
    return escaped
}

/// The text in double quotes, with the escapes that TOML's basic strings and JSON have in common.
package func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        // What has a place beyond these digits has an escape in none of both.
        case _ where isControl(scalar) && scalar.value <= 0xFFFF:
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}

private func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F...0x9F, 0x2028...0x2029: true
    case 0x20..<0x7F: false
    // Of format, too, but seen: signs of Arabic, Syriac and Kaithi that stand before numbers.
    case 0x0600...0x0605, 0x06DD, 0x070F, 0x0890...0x0891, 0x08E2, 0x110BD, 0x110CD: false
    default: scalar.properties.generalCategory == .format
    }
}

/// ZERO WIDTH NON-JOINER and ZERO WIDTH JOINER.
private func isJoiner(_ scalar: Unicode.Scalar) -> Bool { 0x200C...0x200D ~= scalar.value }
