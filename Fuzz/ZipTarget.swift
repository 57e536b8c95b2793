import ZipStream

/// Zips of a server that wishes us ill.
enum ZipFuzz: FuzzTarget {
    static func run(_ input: [UInt8]) {
        let size = 1 + Int(input.first ?? 0)
        var rest = input.dropFirst()
        let reader = try? ZipReader {
            defer { rest = rest.dropFirst(size) }
            return rest.isEmpty ? nil : Array(rest.prefix(size))
        }
        guard let reader else { return }
        do {
            while let entry = try reader.next() {
                guard entry.isFile, let bytes = try reader.content(atMost: 1 << 12) else { continue }
                precondition(bytes.count <= 1 << 12, "more than was asked for")
            }
        } catch {
            return  // an archive that is broken
        }
    }
}
