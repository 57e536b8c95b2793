import SyncModel
import TextFormatting

/// How well the bytes of the mirror's files are known, as a line of `dbxsync status`; pure.
enum ProofText {
    /// The line; nil where nothing stands.
    static func line(_ proofs: StatusReport.Proofs, now: Timestamp) -> String? {
        if proofs.files == 0 { return nil }
        let files = HumanText.count(proofs.unknown, "file") + (proofs.unknown == 1 ? " was" : " were")
        let unknown = proofs.unknown == 0 ? nil : "when \(files) read last is not known"
        let whose = proofs.unknown == 0 ? "every file's bytes were read" : "all others"
        let oldest = proofs.oldest?.time
        let known = oldest.map {
            "\(whose) at \(TimeText.local($0)) (\(TimeText.distance($0, from: now))) or later"
        }
        let off = proofs.scrub == nil ? "schedule.scrub is off" : nil
        return [unknown, known, off].compactMap(\.self).joined(separator: "; ")
    }
}
