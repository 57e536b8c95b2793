import Testing

@testable import dbxsync

/// What is said of a mirror that the unit of the page hides.
@Suite(.timeLimit(.minutes(5)))
struct UnitShieldTests {
    @Test(
        "a hidden directory cannot be seen, by which setting",
        arguments: [
            ("/home/ana/m", "/home", "ProtectHome="), ("/run/user/7/m", "/run/user", "ProtectHome="),
            ("/tmp/m", "/tmp", "PrivateTmp="), ("/var/tmp/m", "/var/tmp", "PrivateTmp="),
        ])
    func hidden(path: String, folder: String, setting: String) {
        let reason = UnitShield.reason(path) { $0 == folder }
        #expect(
            reason == "\(path) cannot be seen from here (\(setting) of dbxsync-web@.service); see: dbxsync status")
    }

    @Test("where the folder above shows what it holds, or no setting is about it, nothing is hidden")
    func seen() {
        #expect(UnitShield.reason("/home/ana/m") { _ in false } == nil)
        #expect(UnitShield.reason("/srv/m") { _ in true } == nil)
        #expect(!UnitShield.isHidden("/etc") && !UnitShield.isHidden("/no/such"))
    }
}
