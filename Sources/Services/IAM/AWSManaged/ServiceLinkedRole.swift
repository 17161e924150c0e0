/// The role that a service makes for itself in an account.
struct ServiceLinkedRole: Sendable {
    /// Such as `autoscaling.amazonaws.com`.
    var service: String
    /// The role's name.
    var name: String
    /// ARNs of AWS's policies, after the partition.
    var policies: [String]
    /// Whether the account may have several, of different suffixes.
    var takesSuffix: Bool

    var path: String { "/aws-service-role/\(service)/" }

    func name(suffix: String?) -> String { name + (suffix.map { "_\($0)" } ?? "") }

    /// Who may assume it: the service alone.
    var trust: String {
        #"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"\#(service)"},"#
            + #""Action":"sts:AssumeRole"}]}"#
    }

    private init?(_ line: Substring) {
        let words = line.split(separator: " ")
        guard words.count >= 3 else { return nil }
        service = String(words[0])
        name = "AWSServiceRoleFor\(words[1])"
        policies = words[2].split(separator: ",").map { "iam::aws:policy/aws-service-role/\($0)" }
        takesSuffix = words.count > 3
    }

    /// By service.
    static let all: [String: ServiceLinkedRole] = {
        let roles = table.split(separator: "\n").compactMap { ServiceLinkedRole($0) }
        return Dictionary(roles.map { ($0.service, $0) }, uniquingKeysWith: { first, _ in first })
    }()

    /// Service, name without its beginning, policies, and whether the name may get a suffix. As LocalStack has recorded
    /// them from AWS (tests/aws/services/iam/test_iam.snapshot.json, TestIAMServiceRoles), and Lambda's.
    private static let table = """
        accountdiscovery.ssm.amazonaws.com AmazonSSM_AccountDiscovery AWSSystemsManagerAccountDiscoveryServicePolicy
        acm.amazonaws.com CertificateManager CertificateManagerServiceRolePolicy
        appmesh.amazonaws.com AppMesh AWSAppMeshServiceRolePolicy
        autoscaling-plans.amazonaws.com AutoScalingPlans_EC2AutoScaling AWSAutoScalingPlansEC2AutoScalingPolicy
        autoscaling.amazonaws.com AutoScaling AutoScalingServiceRolePolicy suffix
        backup.amazonaws.com Backup AWSBackupServiceLinkedRolePolicyForBackup
        batch.amazonaws.com Batch BatchServiceRolePolicy
        cloudtrail.amazonaws.com CloudTrail CloudTrailServiceRolePolicy
        codestar-notifications.amazonaws.com CodeStarNotifications AWSCodeStarNotificationsServiceRolePolicy
        config.amazonaws.com Config AWSConfigServiceRolePolicy
        connect.amazonaws.com AmazonConnect AmazonConnectServiceLinkedRolePolicy suffix
        dms-fleet-advisor.amazonaws.com DMSFleetAdvisor AWSDMSFleetAdvisorServiceRolePolicy
        dms.amazonaws.com DMSServerless AWSDMSServerlessServiceRolePolicy
        docdb-elastic.amazonaws.com DocDB-Elastic AmazonDocDB-ElasticServiceRolePolicy
        ec2-instance-connect.amazonaws.com Ec2InstanceConnect Ec2InstanceConnectEndpoint
        ecr.amazonaws.com ECRTemplate ECRTemplateServiceRolePolicy
        ecs.amazonaws.com ECS AmazonECSServiceRolePolicy
        eks-connector.amazonaws.com AmazonEKSConnector AmazonEKSConnectorServiceRolePolicy
        eks-fargate.amazonaws.com AmazonEKSForFargate AmazonEKSForFargateServiceRolePolicy
        eks-nodegroup.amazonaws.com AmazonEKSNodegroup AWSServiceRoleForAmazonEKSNodegroup
        eks.amazonaws.com AmazonEKS AmazonEKSServiceRolePolicy
        elasticache.amazonaws.com ElastiCache ElastiCacheServiceRolePolicy
        elasticbeanstalk.amazonaws.com ElasticBeanstalk AWSElasticBeanstalkServiceRolePolicy
        elasticfilesystem.amazonaws.com AmazonElasticFileSystem AmazonElasticFileSystemServiceRolePolicy
        elasticloadbalancing.amazonaws.com ElasticLoadBalancing AWSElasticLoadBalancingServiceRolePolicy
        email.cognito-idp.amazonaws.com AmazonCognitoIdpEmailService AmazonCognitoIdpEmailServiceRolePolicy
        emr-containers.amazonaws.com AmazonEMRContainers AmazonEMRContainersServiceRolePolicy
        emrwal.amazonaws.com EMRWAL EMRDescribeClusterPolicyForEMRWAL
        fis.amazonaws.com FIS AmazonFISServiceRolePolicy
        grafana.amazonaws.com AmazonGrafana AmazonGrafanaServiceLinkedRolePolicy
        imagebuilder.amazonaws.com ImageBuilder AWSServiceRoleForImageBuilder
        iotmanagedintegrations.amazonaws.com IoTManagedIntegrations AWSIoTManagedIntegrationsRolePolicy
        kafka.amazonaws.com Kafka KafkaServiceRolePolicy
        kafkaconnect.amazonaws.com KafkaConnect KafkaConnectServiceRolePolicy
        lakeformation.amazonaws.com LakeFormationDataAccess LakeFormationDataAccessServiceRolePolicy
        lambda.amazonaws.com Lambda AWSLambdaServiceRolePolicy
        lex.amazonaws.com LexBots AmazonLexBotPolicy
        lexv2.amazonaws.com LexV2Bots AmazonLexV2BotPolicy suffix
        lightsail.amazonaws.com Lightsail LightsailExportAccess
        m2.amazonaws.com AWSM2 AWSM2ServicePolicy
        memorydb.amazonaws.com MemoryDB MemoryDBServiceRolePolicy
        mq.amazonaws.com AmazonMQ AmazonMQServiceRolePolicy
        notifications.amazonaws.com AwsUserNotifications AWSUserNotificationsServiceLinkedRolePolicy
        observability.aoss.amazonaws.com AmazonOpenSearchServerless AmazonOpenSearchServerlessServiceRolePolicy
        opensearchservice.amazonaws.com AmazonOpenSearchService AmazonOpenSearchServiceRolePolicy
        ops.apigateway.amazonaws.com APIGateway APIGatewayServiceRolePolicy
        ops.emr-serverless.amazonaws.com AmazonEMRServerless AmazonEMRServerlessServiceRolePolicy
        opsdatasync.ssm.amazonaws.com SystemsManagerOpsDataSync AWSSystemsManagerOpsDataSyncServiceRolePolicy
        opsinsights.ssm.amazonaws.com AmazonSSM_OpsInsights AWSSSMOpsInsightsServiceRolePolicy
        pullthroughcache.ecr.amazonaws.com ECRPullThroughCache AWSECRPullThroughCache_ServiceRolePolicy
        ram.amazonaws.com ResourceAccessManager AWSResourceAccessManagerServiceRolePolicy
        rds.amazonaws.com RDS AmazonRDSServiceRolePolicy
        redshift.amazonaws.com Redshift AmazonRedshiftServiceLinkedRolePolicy
        replication.cassandra.amazonaws.com KeyspacesReplication KeyspacesReplicationServiceRolePolicy
        replication.ecr.amazonaws.com ECRReplication ECRReplicationServiceRolePolicy
        replicator.lambda.amazonaws.com LambdaReplicator AWSLambdaReplicator
        repository.sync.codeconnections.amazonaws.com GitSync AWSGitSyncServiceRolePolicy
        resource-explorer-2.amazonaws.com ResourceExplorer AWSResourceExplorerServiceRolePolicy
        rolesanywhere.amazonaws.com RolesAnywhere AWSRolesAnywhereServicePolicy
        s3-outposts.amazonaws.com S3OnOutposts AWSS3OnOutpostsServiceRolePolicy
        ses.amazonaws.com AmazonSES AmazonSESServiceRolePolicy
        shield.amazonaws.com AWSShield AWSShieldServiceRolePolicy
        ssm-incidents.amazonaws.com IncidentManager AWSIncidentManagerServiceRolePolicy
        ssm-quicksetup.amazonaws.com SSMQuickSetup SSMQuickSetupRolePolicy
        ssm.amazonaws.com AmazonSSM AmazonSSMServiceRolePolicy
        sso.amazonaws.com SSO AWSSSOServiceRolePolicy
        vpcorigin.cloudfront.amazonaws.com CloudFrontVPCOrigin AWSCloudFrontVPCOriginServiceRolePolicy
        waf.amazonaws.com WAFLogging WAFLoggingServiceRolePolicy
        wafv2.amazonaws.com WAFV2Logging WAFV2LoggingServiceRolePolicy
        """
}
