import AWSWire
import Fleet
import Gateway
import Identity
import NIOHTTP1

/// Lets the fleet's environments sign with temporary keys of the front door's store.
struct EnvironmentKeys: CredentialIssuing {
    let keys: KeyStore

    func issue(account: String, region: String, roleARN: String, functionName: String) -> EnvironmentCredentials {
        let issued = keys.issue(
            account: AccountID(account) ?? .standard, region: region, roleARN: roleARN, functionName: functionName)
        return EnvironmentCredentials(
            accessKeyID: issued.accessKeyID, secretAccessKey: issued.secretAccessKey, sessionToken: issued.sessionToken,
            expires: 1000 * issued.expires)
    }

    func revoke(accessKeyID: String) { keys.revoke(accessKeyID: accessKeyID) }
}
