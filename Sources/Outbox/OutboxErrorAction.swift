import Dropbox
import SyncModel
import Uploading

/// What an error means for the outbox; pure.
enum OutboxErrorAction: Hashable, Sendable {
    /// The file is not what it was: it is looked at again.
    case changed
    /// It is this file's affair.
    case file(OutboxFailure)
    /// It concerns every file; nothing is wrong with this one.
    case everything(after: Duration?)
    /// Time does not cure it.
    case end

    private static let hour: Double = 3600
    private static let day: Double = 86_400

    init(_ error: any Error) {
        switch error {
        case is FileChanged: self = .changed
        case let error as UploadError where error.code == .missing: self = .changed
        case let error as UploadError: self = .file(OutboxFailure(reason: error.reason))
        case let error as DiskProblem: self = .file(OutboxFailure(reason: error.reason))
        case let error as DropboxError: self.init(error)
        case let error as any Classified: self.init(error.disposition, "\(error)")
        default: self = .file(OutboxFailure(reason: "\(error)"))
        }
    }

    private init(_ error: DropboxError) {
        let reason = error.reason + (error.hint.map { "; \($0)" } ?? "")
        if let refusal = error.uploadRefusal {
            self = .file(Self.refused(refusal, reason))
        } else if error.code == .badRequest, error.disposition == .skipItem {
            self = .file(OutboxFailure(reason: reason, isParked: true, least: Self.day, isCertain: true))
        } else {
            self.init(error.disposition, reason)
        }
    }

    private init(_ disposition: Disposition, _ reason: String) {
        switch disposition {
        case .retry(let after):
            let least = Double(after?.components.seconds ?? 0)
            self = .file(OutboxFailure(reason: reason, least: least))
        case .skipItem: self = .file(OutboxFailure(reason: reason))
        case .parked: self = .file(OutboxFailure(reason: reason, isParked: true, least: Self.hour))
        case .unreachable, .abortPass, .sourceGone, .cursorReset: self = .everything(after: nil)
        case .signedOut, .fatal: self = .end
        }
    }

    /// What somebody has to change, here or in the account, is asked for rarely.
    private static func refused(_ refusal: UploadRefusal, _ reason: String) -> OutboxFailure {
        switch refusal {
        case .disallowedName, .malformedPath, .tooLarge:
            OutboxFailure(reason: reason, isParked: true, least: day, isCertain: true)
        case .insufficientSpace, .noWritePermission, .conflict:
            OutboxFailure(reason: reason, isParked: true, least: hour, isCertain: true)
        case .sessionNotFound, .incorrectOffset, .sessionClosed, .sessionUnusable, .contentHashMismatch, .other:
            OutboxFailure(reason: reason)
        }
    }
}
