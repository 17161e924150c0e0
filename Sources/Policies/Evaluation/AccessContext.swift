/// What is known of a request beside who, what and which: the values of global and of services' condition keys.
///
/// What follows from the principal and from the resource's owner (`aws:PrincipalArn`, `aws:PrincipalAccount`,
/// `aws:PrincipalType`, `aws:PrincipalTag/…`, `aws:userid`, `aws:username`, `aws:ResourceAccount`) need not be in it.
package struct AccessContext: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    /// By names in lower case.
    private var values: [String: [String]] = [:]

    package init() {}

    /// - Parameter values: By keys in any case, such as `aws:SourceArn`.
    package init(_ values: [String: [String]]) {
        for (key, values) in values { self.values[key.lowercased(), default: []] += values }
    }

    package init(dictionaryLiteral elements: (String, [String])...) {
        for (key, values) in elements { self.values[key.lowercased(), default: []] += values }
    }

    /// - Parameter key: In any case. A key without values is as good as none.
    package subscript(key: String) -> [String]? {
        get { values[key.lowercased()] }
        set { values[key.lowercased()] = newValue }
    }

    func values(of key: ContextKey) -> [String]? { values[key.name] }
}

extension AccessContext {
    /// The condition keys of a request that gives tags.
    ///
    /// Tags of a resource may differ in their case alone. The names of condition keys may not: the one key then has the
    /// values of all of them, so that none escapes a statement that denies it. `aws:TagKeys` has them apart.
    /// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html#access_tags_control-tag-keys
    package init(settingTags tags: some Sequence<(key: String, value: String)>) {
        self.init()
        var keys: Set<String> = []
        for tag in tags {
            keys.insert(tag.key)
            values["aws:requesttag/\(tag.key.lowercased())", default: []].append(tag.value)
        }
        if !keys.isEmpty { self["aws:TagKeys"] = keys.sorted() }
    }
}
