# Runs a PowerShell handler: loads it, then answers invocations of the Lambda Runtime API (2018-06-01) for ever.
#
# Works on PowerShell 7. Handlers, variables and documents are those of AWS's open runtime for PowerShell
# (awslabs/aws-lambda-powershell-runtime):
#
#   hello.ps1                       the whole script runs for every invocation
#   hello.ps1::Invoke-Hello         the script is dot-sourced once, the function runs for every invocation
#   Module::Hello::Invoke-Hello     the module is imported once, the function runs for every invocation
#
# A handler gets $LambdaInput and $LambdaContext, by these names and as its first two arguments. What it leaves on the
# pipeline is the answer: a string as it is, anything else as JSON. All other streams go to the log.
#
# Handlers share this script's scope, as they would the global one. Of its own it keeps names that begin with Apus.

[Console]::OutputEncoding = [System.Text.UTF8Encoding]::new($false)
if ($PSStyle) { $PSStyle.OutputRendering = 'PlainText' }
$ProgressPreference = 'SilentlyContinue'

# What a handler gets as its context.
class ApusLambdaContext {
    [string] $AwsRequestId
    [string] $FunctionName
    [string] $FunctionVersion
    [string] $InvokedFunctionArn
    [int] $MemoryLimitInMB
    [string] $LogGroupName
    [string] $LogStreamName
    [string] $Identity
    [string] $ClientContext
    [long] $DeadlineMs

    [double] getRemainingTimeInMillis() {
        return [Math]::Max(0, $this.DeadlineMs - [DateTimeOffset]::UtcNow.ToUnixTimeMilliseconds())
    }
}
Update-TypeData -TypeName ApusLambdaContext -MemberType ScriptProperty -MemberName RemainingTime -Force -Value {
    [TimeSpan]::FromMilliseconds($this.getRemainingTimeInMillis())
}

# The kept-alive connection to the Runtime API. Types of System.Net.Http are named in full, and in no class: they are
# loaded when they are first used.
$ApusSockets = [System.Net.Http.SocketsHttpHandler]::new()
$ApusSockets.UseProxy = $false
$ApusClient = [System.Net.Http.HttpClient]::new($ApusSockets)
$ApusClient.Timeout = [System.Threading.Timeout]::InfiniteTimeSpan
$ApusBase = "http://$env:AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/"

# The next invocation: its headers, and its event as text.
function Get-ApusInvocation {
    $answer = $ApusClient.GetAsync($ApusBase + 'invocation/next').GetAwaiter().GetResult()
    try {
        $null = $answer.EnsureSuccessStatusCode()
        $headers = @{}
        foreach ($header in $answer.Headers.GetEnumerator()) { $headers[$header.Key] = @($header.Value)[0] }
        @{ Headers = $headers; Event = $answer.Content.ReadAsStringAsync().GetAwaiter().GetResult() }
    }
    finally { $answer.Dispose() }
}

# Posts a text; an error has a type, an answer has none.
function Send-ApusText([string] $Path, [string] $Text, [string] $ErrorType) {
    $request = [System.Net.Http.HttpRequestMessage]::new([System.Net.Http.HttpMethod]::Post, $ApusBase + $Path)
    $request.Content = [System.Net.Http.StringContent]::new(
        $Text, [System.Text.UTF8Encoding]::new($false), 'application/json')
    $null = $request.Headers.TryAddWithoutValidation('User-Agent', 'apus-powershell/1')
    if ($ErrorType) {
        $null = $request.Headers.TryAddWithoutValidation('Lambda-Runtime-Function-Error-Type', $ErrorType)
    }
    $answer = $ApusClient.SendAsync($request).GetAwaiter().GetResult()
    # An answer that is too large is refused, and the invocation has failed with that: nothing is left to do.
    $status = [int] $answer.StatusCode
    $answer.Dispose()
    if ($status -ge 500) { throw "The Runtime API answered $status." }
}

# Posts an error's document, and writes it to the log as one event.
function Send-ApusError([string] $Path, [System.Management.Automation.ErrorRecord] $Record) {
    $kind = $Record.CategoryInfo.Reason
    if (-not $kind) { $kind = $Record.Exception.GetType().Name }
    $trace = @()
    if ($Record.ScriptStackTrace) { $trace = @($Record.ScriptStackTrace -split '\r?\n') }
    $document = [ordered] @{ errorMessage = $Record.Exception.Message; errorType = $kind; stackTrace = $trace }
    [Console]::Out.WriteLine((@("${kind}: $($Record.Exception.Message)") + $trace) -join "`r")
    Send-ApusText $Path (ConvertTo-Json -InputObject $document -Compress) $kind
}

$ApusTask = if ($env:LAMBDA_TASK_ROOT) { $env:LAMBDA_TASK_ROOT } else { '/var/task' }
$env:POWERSHELL_VERSION = $PSVersionTable.PSVersion.ToString()
$env:PSModulePath = @("$PSHOME/Modules", '/opt/powershell/modules', '/opt/modules', "$ApusTask/modules") -join ':'

try {
    $ApusParts = @($env:_HANDLER -split '::')
    if ($ApusParts.Count -le 2 -and $ApusParts[0] -like '*.ps1') {
        $ApusScript = [System.IO.Path]::Combine($ApusTask, $ApusParts[0])
        if (-not (Test-Path -LiteralPath $ApusScript -PathType Leaf)) {
            throw [System.IO.FileNotFoundException]::new("The handler's script $ApusScript does not exist.")
        }
        if ($ApusParts.Count -eq 2) {
            . $ApusScript
            $ApusHandler = Get-Command -Name $ApusParts[1] -ErrorAction Stop
        }
        else {
            # Read before the first invocation, so that a mistake in it is one of initialisation.
            $ApusHandler = Get-Command -Name $ApusScript -CommandType ExternalScript -ErrorAction Stop
            $null = $ApusHandler.ScriptBlock
        }
    }
    elseif ($ApusParts.Count -eq 3 -and $ApusParts[0] -eq 'Module') {
        Import-Module -Name $ApusParts[1] -Force -ErrorAction Stop
        $ApusHandler = Get-Command -Name $ApusParts[2] -ErrorAction Stop
    }
    else { throw "Invalid Lambda Handler: $env:_HANDLER" }
}
catch {
    Send-ApusError 'init/error' $_
    exit 1
}

while ($true) {
    $ApusInvocation = Get-ApusInvocation
    $ApusHeaders = $ApusInvocation.Headers
    $ApusRequest = $ApusHeaders['Lambda-Runtime-Aws-Request-Id']
    $env:_X_AMZN_TRACE_ID = $ApusHeaders['Lambda-Runtime-Trace-Id']
    $LambdaContext = [ApusLambdaContext] @{
        AwsRequestId       = $ApusRequest
        FunctionName       = $env:AWS_LAMBDA_FUNCTION_NAME
        FunctionVersion    = $env:AWS_LAMBDA_FUNCTION_VERSION
        InvokedFunctionArn = $ApusHeaders['Lambda-Runtime-Invoked-Function-Arn']
        MemoryLimitInMB    = [int] $env:AWS_LAMBDA_FUNCTION_MEMORY_SIZE
        LogGroupName       = $env:AWS_LAMBDA_LOG_GROUP_NAME
        LogStreamName      = $env:AWS_LAMBDA_LOG_STREAM_NAME
        Identity           = $ApusHeaders['Lambda-Runtime-Cognito-Identity']
        ClientContext      = $ApusHeaders['Lambda-Runtime-Client-Context']
        DeadlineMs         = [long] $ApusHeaders['Lambda-Runtime-Deadline-Ms']
    }
    try {
        $LambdaInput = ConvertFrom-Json -InputObject $ApusInvocation.Event
        $ApusAnswer = & $ApusHandler $LambdaInput $LambdaContext
        # As deep as ConvertTo-Json goes by itself, as in AWS's runtime: a handler that wants more converts itself.
        if ($null -eq $ApusAnswer) { $ApusText = '' }
        elseif ($ApusAnswer -is [string]) { $ApusText = $ApusAnswer }
        else { $ApusText = ConvertTo-Json -InputObject $ApusAnswer -Compress }
        $ApusFailure = $null
    }
    catch { $ApusFailure = $_ }
    if ($ApusFailure) { Send-ApusError "invocation/$ApusRequest/error" $ApusFailure }
    else { Send-ApusText "invocation/$ApusRequest/response" $ApusText }
    $ApusOld = 'LambdaInput', 'LambdaContext', 'ApusAnswer', 'ApusText', 'ApusInvocation'
    Remove-Variable -Name $ApusOld -ErrorAction SilentlyContinue
    $env:_X_AMZN_TRACE_ID = $null
    $Error.Clear()
}
