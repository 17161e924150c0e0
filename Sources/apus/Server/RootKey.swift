import AWSWire

/// The key pair that a data directory's first server made, for everything that its owner does.
struct RootKey {
    var account: AccountID
    var credentials: SigV4.Credentials

    /// The directory's key; a new one where there is none yet.
    ///
    /// - Throws: ``DataDirectoryError`` when the file is there but cannot be read: a new key would lock its owner out.
    init(in directory: String, account: AccountID) throws(DataDirectoryError) {
        self.account = account
        do {
            let stored = try CredentialsFile.read(in: directory)
            credentials = SigV4.Credentials(
                accessKeyID: stored.accessKeyID, secretAccessKey: stored.secretAccessKey)
        } catch .noCredentials(_, errno: 2) {
            let made = CredentialsFile.makeKey(of: account)
            credentials = SigV4.Credentials(accessKeyID: made.accessKeyID, secretAccessKey: made.secretAccessKey)
        }
    }

    /// Writes the file that `apus env` reads.
    func write(endpoint: String, region: String, in directory: String) throws(DataDirectoryError) {
        try CredentialsFile(
            accessKeyID: credentials.accessKeyID, secretAccessKey: credentials.secretAccessKey, account: account.digits,
            region: region, endpoint: endpoint
        ).write(in: directory)
    }
}
