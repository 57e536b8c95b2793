/// Finds the files of a group by the paths in its zip.
///
/// The zip's folder stands in front of every path there. Which case and normal form the server gives the names of is
/// not documented: names are compared byte by byte first, then without regard to either.
public struct ZipNames: Sendable {
    private var exact: [FileName: Int] = [:]
    private var folded: [String: Int] = [:]
    private var placements: [Placement?]

    /// Takes the names of a group.
    public init(_ group: ZipGroup) {
        placements = group.placements
        for (number, placement) in group.placements.enumerated() {
            let path = placement.path.components.dropFirst(group.folder.depth).map(\.text).joined(separator: "/")
            exact[FileName(path)] = number
            folded[path.lowercased()] = number
        }
    }

    /// The file that stands at `path` in the zip, if it is one that has not been found yet.
    public func number(of path: String) -> Int? {
        guard let slash = path.utf8.firstIndex(of: UInt8(ascii: "/")) else { return nil }
        let inside = String(path[path.utf8.index(after: slash)...])
        guard let number = exact[FileName(inside)] ?? folded[inside.lowercased()] else { return nil }
        return placements[number] == nil ? nil : number
    }

    /// The file with a number that `number(of:)` has given.
    public subscript(number: Int) -> Placement? { placements[number] }

    /// Notes that a file is here.
    public mutating func found(_ number: Int) { placements[number] = nil }

    /// The files that have not been found, in their order.
    public var missing: [Placement] { placements.compactMap(\.self) }
}
