/// Names that are not known, and what was probably meant.
enum Suggestions {
    /// What to say about an unknown key, where `keys` are known, or an unknown table.
    static func unknown(_ path: String, isTable: Bool, keys: [ConfigKey] = Config.keys) -> String {
        let tables = Set(Config.keys.map(\.table)).union([Config.onChangeTable])
        if isTable {
            let near = nearest(path, among: tables).map { ", did you mean [\($0)]?" }
            return "unknown table" + (near ?? "; there are " + tables.sorted().joined(separator: ", "))
        }
        let name = path.drop { $0 != "." }.dropFirst()
        let wanted = name.isEmpty ? path : String(name)
        if let key = keys.first(where: { $0.name == wanted }) {
            return "unknown key; \(key.name) belongs under [\(key.table)]"
        }
        let paths = keys.map(name.isEmpty ? \.name : \.path)
        return "unknown key" + (nearest(path, among: paths).map { ", did you mean \($0)?" } ?? "")
    }

    /// The candidate that needs the fewest changed letters, if these are few for its length.
    static func nearest(_ word: String, among candidates: some Sequence<String>) -> String? {
        // A word much longer than any name is not a misspelling, and comparing costs the product of the lengths.
        guard word.utf8.count <= 64 else { return nil }
        let best = candidates.map { (distance(word, $0), $0) }.min { $0 < $1 }
        guard let (changes, name) = best, changes <= max(1, name.count / 5) else { return nil }
        return name
    }

    /// Letters to insert, remove or replace (Levenshtein).
    static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.unicodeScalars), Array(b.unicodeScalars))
        var row = Array(0...b.count)
        for (i, left) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in b.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (left == right ? 0 : 1))
                diagonal = above
            }
        }
        return row[b.count]
    }
}
