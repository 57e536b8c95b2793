import Engine
import SyncModel
import TextFormatting

/// What `sync --dry-run` prints of a plan; pure.
enum PreviewText {
    /// One line, with paths as `status` writes them.
    static func line(_ step: PlanPreview.Step) -> String { escapingControls(text(step)) }

    private static func text(_ step: PlanPreview.Step) -> String {
        let path = step.path
        switch step.operation {
        case .clear(_, let entries):
            return "remove \(path), which becomes something else\(entries.count > 1 ? ", and all in it" : "")"
        case .relocate(let entry, let new): return "rename \(entry.path.remoteText) -> \(new.remoteText)"
        case .makeFolder: return "make folder \(path)"
        case .place(let placement): return "place \(path) (\(size(of: placement))) <- \(sources(of: placement))"
        case .makeLink(let placement): return "make link \(path) -> \(placement.link.target)"
        case .updateMetadata: return "update revision and time of \(path)"
        case .removeFile: return "remove file \(path)"
        case .removeLink: return "remove link \(path)"
        case .removeFolder: return "remove folder \(path)"
        case .park(_, let reason): return "\(path): \(step.isAccepted ? "accepted" : "cannot be mirrored"): \(reason)"
        case .keepFolder: return "leave folder \(path)"
        case .waitForParent(_, let parent): return "\(path): waits for \(parent)"
        case .upToDate, .forgetHave: return "\(path): nothing to do"
        }
    }

    private static func size(of placement: Placement) -> String {
        placement.isOfUnknownSize ? "size not known yet" : HumanText.bytes(placement.version.size)
    }

    private static func sources(of placement: Placement) -> String {
        placement.sources.map { source in
            switch source {
            case .move(let entry): "move \(entry.path.remoteText)"
            case .copy(let entry): "copy \(entry.path.remoteText)"
            case .download: "download"
            case .export(let file): file.linkBytes == nil ? "export" : "web address"
            }
        }.joined(separator: " or ")
    }
}
