public import SyncModel
import Transport

/// One entry of the account, looked up by its path.
public struct RemoteEntry: Hashable, Sendable {
    /// The server's key for its path.
    public var pathLower: String
    /// The path for people to read.
    public var pathDisplay: String
    /// `id:…`, the same after renames and moves.
    public var id: String
    /// What it is.
    public var node: RemoteNode
}

extension DropboxClient {
    /// What stands at `path`, which is absolute, an `id:` or a `rev:`: `get_metadata`.
    public func metadata(of path: String) async throws -> RemoteEntry {
        let argument = APIArgument(["path": .text(path)])
        let call = Call.rpc("files/get_metadata", role: .query, base: endpoints.api, argument: argument)
        return try await runner.run(call) { response in
            let entry: EntryJSON
            do throws(JSONProblem) {
                entry = try EntryJSON(json: response.body)
            } catch {
                throw DropboxError.malformed(call, response: response, complaint: error.text)
            }
            guard case .present(let node) = entry.kind, case .known(let pathLower) = entry.path, let id = entry.id
            else {
                throw DropboxError.malformed(
                    call, response: response, complaint: "neither a file nor a folder with an id")
            }
            return RemoteEntry(
                pathLower: pathLower, pathDisplay: entry.pathDisplay ?? pathLower, id: id, node: node)
        }
    }
}
