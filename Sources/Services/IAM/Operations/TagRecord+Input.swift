import AWSWire
import IAMModel

extension TagRecord {
    /// The tags of a new thing.
    static func checked(_ tags: [IAM.Tag]?, quota: Int) throws(AWSError) -> [TagRecord] {
        var checked: [TagRecord] = []
        try checked.merge(tags ?? [], quota: quota)
        return checked
    }
}

extension [TagRecord] {
    /// Adds tags, in place of those of the same keys.
    mutating func merge(_ tags: [IAM.Tag], quota: Int) throws(AWSError) {
        let keys = tags.map { $0.key.lowercased() }
        guard Set(keys).count == keys.count else {
            throw IAMError.invalidInput(
                message: "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        }
        for tag in tags {
            guard !tag.key.lowercased().hasPrefix("aws:") else {
                throw IAMError.invalidInput(
                    message: "Tag keys beginning with aws: are reserved for system use.")
            }
            removeAll { $0.key.lowercased() == tag.key.lowercased() }
            append(TagRecord(key: tag.key, value: tag.value))
        }
        guard count <= quota else {
            throw IAMError.limitExceeded(message: "Cannot exceed quota for TagsPerResource: \(quota)")
        }
    }

    /// Keys that there are not are no error.
    mutating func remove(_ keys: [String]) {
        let keys = Set(keys.map { $0.lowercased() })
        removeAll { keys.contains($0.key.lowercased()) }
    }

    func page(_ marker: String?, _ limit: Int?) throws(AWSError) -> Page<IAM.Tag> {
        try Page(sorted { $0.key < $1.key }.map(\.shape), marker: marker, limit: limit) { $0.key }
    }
}
