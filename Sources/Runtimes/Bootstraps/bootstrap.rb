# frozen_string_literal: true

# Runs a Ruby handler: loads it, then answers invocations of the Lambda Runtime API (2018-06-01) for ever.
#
# Works on Ruby 2.7 and later with the standard library alone. It is started without RubyGems, whose loading takes several
# times as long as everything else: gems are looked for as soon as somebody asks for one. Libraries that AWS's client
# happens to load, and that functions therefore use without requiring them, are loaded at their first use.

require 'socket'
require 'json'

$stdout.sync = true
$stderr.sync = true

module Apus
  # What AWS's client makes visible, or what it loads would, by the library that brings it.
  LIBRARIES = {
    Logger: 'logger', Net: 'net/http', URI: 'uri', StringIO: 'stringio', Date: 'date', DateTime: 'date', Timeout: 'timeout',
    OpenSSL: 'openssl', Digest: 'digest', Zlib: 'zlib', IPAddr: 'ipaddr', Monitor: 'monitor',
    MonitorMixin: 'monitor', RbConfig: 'rbconfig'
  }.freeze
  LIBRARIES.each { |name, library| Object.autoload(name, library) }
end

class Time
  %i[parse strptime iso8601 xmlschema rfc2822 rfc822 httpdate].each do |name|
    define_singleton_method(name) do |*arguments, **options, &block|
      require 'time'
      public_send(name, *arguments, **options, &block)
    end
    next unless %i[iso8601 xmlschema rfc2822 rfc822 httpdate].include?(name) && !method_defined?(name)

    define_method(name) do |*arguments|
      require 'time'
      public_send(name, *arguments)
    end
  end
end

# RubyGems, as soon as it is needed: at once when the function or a layer brings gems, else when something is required
# that the standard library has not, or when `Gem` or `gem` is spoken of.
module LazyGems
  # Where functions and layers keep gems, besides the function's own directory.
  THEIRS = %w[/opt/ /tmp/ /mnt/].freeze
  SETTINGS = %w[GEM_HOME BUNDLE_GEMFILE BUNDLE_PATH RUBYOPT].freeze

  class << self
    def needed_at_once?
      SETTINGS.any? { |name| ENV.key?(name) } || places.any? { |path| Dir.exist?("#{path}/specifications") }
    end

    # Where the function and its layers may have brought gems to.
    def places
      ENV.fetch('GEM_PATH', '').split(':').select { |path| path.start_with?("#{Dir.pwd}/", *THEIRS) }
    end

    # In a zygote: RubyGems is loaded, but `require` and `gem` are not yet its own.
    def load_ahead
      Kernel.module_eval { alias_method :require_without_gems, :require }
      require 'rubygems'
      Kernel.module_eval do
        alias_method :require_with_gems, :require
        alias_method :gem_with_gems, :gem
        alias_method :require, :require_without_gems
        private :require_with_gems, :gem_with_gems, :require
      end
      @ahead = true
    end

    def prepare
      return if defined?(::Gem::Specification) && !@ahead
      return load_now if needed_at_once?

      Object.autoload(:Gem, 'rubygems') unless @ahead
      Kernel.module_eval do
        alias_method :require_without_gems, :require
        def require(path)
          require_without_gems(path)
        rescue LoadError => e
          raise if LazyGems.loaded? || e.path != path.to_s

          LazyGems.load_now
          require(path)
        end

        def gem(*arguments)
          LazyGems.load_now
          gem(*arguments)
        end
        private :require_without_gems, :require, :gem
      end
    end

    def loaded?
      @loaded || !(@ahead || Object.autoload?(:Gem))
    end

    def load_now
      @loaded = true
      return take_over if @ahead

      Kernel.module_eval { alias_method(:require, :require_without_gems) } if Kernel.private_method_defined?(:require_without_gems)
      require 'rubygems'
    end

    private

    def take_over
      Kernel.module_eval do
        alias_method :require, :require_with_gems
        alias_method :gem, :gem_with_gems
      end
      # What it knows of places was found without a function.
      Gem.clear_paths
    end
  end
end

# What a handler gets as its context.
class LambdaContext
  attr_reader :aws_request_id, :invoked_function_arn, :log_group_name, :log_stream_name, :function_name,
              :memory_limit_in_mb, :function_version, :identity, :tenant_id, :client_context, :deadline_ms

  def initialize(request)
    @clock_diff = LambdaContext.clock(Process::CLOCK_REALTIME) - LambdaContext.clock(Process::CLOCK_MONOTONIC)
    @deadline_ms = request['Lambda-Runtime-Deadline-Ms'].to_i
    @aws_request_id = request['Lambda-Runtime-Aws-Request-Id']
    @invoked_function_arn = request['Lambda-Runtime-Invoked-Function-Arn']
    @log_group_name = ENV['AWS_LAMBDA_LOG_GROUP_NAME']
    @log_stream_name = ENV['AWS_LAMBDA_LOG_STREAM_NAME']
    @function_name = ENV['AWS_LAMBDA_FUNCTION_NAME']
    @memory_limit_in_mb = ENV['AWS_LAMBDA_FUNCTION_MEMORY_SIZE']
    @function_version = ENV['AWS_LAMBDA_FUNCTION_VERSION']
    @identity = LambdaContext.json(request['Lambda-Runtime-Cognito-Identity'])
    @client_context = LambdaContext.json(request['Lambda-Runtime-Client-Context'])
    @tenant_id = request['Lambda-Runtime-Aws-Tenant-Id']
  end

  def get_remaining_time_in_millis
    now = LambdaContext.clock(Process::CLOCK_MONOTONIC) + @clock_diff
    [@deadline_ms - now, 0].max
  end

  class << self
    def clock(id)
      Process.clock_gettime(id, :millisecond)
    end

    def json(text)
      JSON.parse(text) unless text.to_s.empty?
    end
  end
end

module AwsLambda
  # How events and answers become Ruby values and back: a function may replace either method.
  class Marshaller
    class << self
      def marshall_request(raw_request)
        raw_request['Content-Type'] == 'application/json' ? JSON.parse(raw_request.body) : raw_request.body
      end

      # An IO's contents go out as they are; everything else as JSON.
      def marshall_response(method_response)
        is_stream = method_response.is_a?(IO) || (defined?(StringIO) && method_response.is_a?(StringIO))
        is_stream ? [method_response, 'application/unknown'] : method_response.to_json
      end
    end
  end
end

# Loads what `file.method` or `file.Module::Class.method` names.
class LambdaHandler
  attr_reader :handler_file_name, :handler_method_name

  def initialize(env_handler:)
    parts = env_handler.split('.')
    unless [2, 3].include?(parts.size)
      raise ArgumentError, "Invalid handler #{parts}, must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where " \
                           'FILENAME corresponds with an existing Ruby source file FILENAME.rb, CLASS is an optional ' \
                           'module/class namespace and METHOD is a callable method. If using CLASS, METHOD must be a ' \
                           'class-level method.'
    end
    @handler_file_name = parts.first
    @handler_class = parts[1] if parts.size == 3
    @handler_method_name = parts.last
  end

  def call_handler(request:, context:)
    receiver = @handler_class ? Kernel.const_get(@handler_class) : self
    response = receiver.__send__(@handler_method_name, event: request, context: context)
    AwsLambda::Marshaller.marshall_response(response)
  end
end

# Everything else: names that no function should trip over.
module Apus
  # A process that is started ahead waits for the variables of the function that it is to run, and takes them for its own.
  def self.await_function(descriptor)
    IO.open(descriptor, 'rb') do |socket|
      size = socket.read(4)
      pairs = size && socket.read(size.unpack1('V'))
      # Nobody wants it.
      exit!(0) unless pairs
      ENV.replace(pairs.force_encoding(Encoding.default_external).split("\0").to_h { |pair| pair.split('=', 2) })
    end
    # The directory by this name is another one now.
    Dir.chdir(ENV.fetch('LAMBDA_TASK_ROOT', '/var/task'))
  end

  # Loads what functions need, then forks: only the children go on, each of them as if started ahead. What is loaded is
  # what any function sees anyhow. Nothing here may start a thread.
  module Zygote
    # Those libraries that are Ruby alone, and can therefore be forgotten, by the name of their file or directory.
    FORGETTABLE = { 'logger' => :Logger, 'net' => :Net, 'uri' => :URI, 'timeout' => :Timeout }.freeze
    # How the launcher is told that this interpreter is of no use as one (APUS_ZYGOTE_UNABLE).
    UNABLE = 78

    class << self
      def become
        unable("Ruby #{RUBY_VERSION} (#{RUBY_ENGINE}) has no fork") unless Process.respond_to?(:fork)
        load_libraries
        generators = ObjectSpace.each_object(Random).to_a
        rehearse
        rest
        child = fork
        return await_only(child) if child

        # Ruby does so with its own.
        generators.each { |generator| generator.__send__(:initialize) }
      end

      # A library of the function's own, or in its layers and gems, that has the name of one that is loaded already comes
      # first all the same: that one is forgotten, or the interpreter started anew.
      def give_way
        names = @features ? overridden : []
        return if names.empty?

        names.all? { |name| FORGETTABLE.key?(name) } ? forget : begin_anew
      end

      private

      def unable(reason)
        warn "apus: no zygote: #{reason}"
        exit!(UNABLE)
      end

      def load_libraries
        before = $LOADED_FEATURES.dup
        # First: it takes the gems of what it finds loaded for chosen.
        LazyGems.load_ahead
        ['time', *LIBRARIES.values.uniq].each do |library|
          require library
        rescue LoadError
          # An installation without it.
        end
        unable('a library has started a thread') if Thread.list.size > 1
        @features = ($LOADED_FEATURES - before).group_by { |path| name(path)[%r{[^/]+}] }
      end

      # What `require` finds the file by.
      def name(path)
        place = $LOAD_PATH.map { |entry| "#{entry}/" }.select { |entry| path.start_with?(entry) }.max_by(&:size)
        path.delete_prefix(place.to_s).sub(/\.[^.\/]+\z/, '')
      end

      # Goes the way of a first invocation, so that what it fills (caches of methods, the compiler's tables) is filled.
      def rehearse
        body = '{"a":[1,2.5,"b",null,true],"c":{}}'
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: #{body.bytesize}\r\n\r\n"
        source = "require 'json'\nA = { a: [1, 2.0, nil] }.freeze\nclass C\n  def f(*a, b: 1, **c)\n    a.map { |x| x }\n  end\nend\n" \
                 "def self.run(event:, context:)\n  { body: JSON.generate(event), a: A }\nrescue KeyError => e\n  raise e\nend\n"
        20.times do
          function = Module.new
          function.module_eval(source, '/var/task/app.rb')
          answer = RuntimeAPI.new('', StringIO.new(head + body)).__send__(:read_answer)
          event = AwsLambda::Marshaller.marshall_request(answer)
          AwsLambda::Marshaller.marshall_response(function.run(event: event, context: LambdaContext.new(answer)))
        end
      end

      # So that collections in children leave alone what is there by now, and its memory shared.
      def rest
        return Process.warmup if Process.respond_to?(:warmup)

        # An object is old after three collections.
        4.times { GC.start }
      end

      # No launcher is underneath, which would have kept the parent for itself.
      def await_only(child)
        _, status = Process.wait2(child)
        Process.kill(status.termsig, Process.pid) if status.signaled?
        exit!(status.exitstatus || 1)
      end

      def overridden
        places = [Dir.pwd, *ENV['RUBYLIB'].to_s.split(':'), *LazyGems.places.flat_map { |path| Dir.glob("#{path}/gems/*/lib") }]
        places.select { |place| Dir.exist?(place) }.flat_map do |place|
          Dir.children(place).map { |entry| entry.sub(/\.(rb|so)\z/, '') }.uniq.select do |top|
            @features.fetch(top, []).any? { |path| %w[rb so].any? { |type| File.file?("#{place}/#{name(path)}.#{type}") } }
          end
        end
      end

      def forget
        FORGETTABLE.each do |top, constant|
          $LOADED_FEATURES.replace($LOADED_FEATURES - @features.fetch(top, []))
          Object.__send__(:remove_const, constant)
          Object.autoload(constant, LIBRARIES[constant])
        end
      end

      def begin_anew
        program, *arguments = File.read('/proc/self/cmdline').split("\0")
        exec([program, program], *arguments)
      end
    end
  end

  # The kept-alive connection to the Runtime API.
  class RuntimeAPI
    # An answer with its headers, read like a Net::HTTPResponse by functions that replace the marshaller.
    class Answer
      attr_reader :status, :body

      def initialize(status, headers, body)
        @status = status
        @headers = headers
        @body = body
      end

      def [](name)
        @headers[name.downcase]
      end
    end

    def initialize(authority, socket = nil)
      @host, _, port = authority.rpartition(':')
      @host, port = authority, '80' if @host.empty?
      @port = port.to_i
      @common = "Host: #{authority}\r\nUser-Agent: apus-ruby/1\r\n"
      @socket = socket
    end

    def next
      answer = exchange("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n#{@common}\r\n")
      raise IOError, "GET next answered #{answer.status}" unless answer.status == 200

      answer
    end

    def respond(request_id, body, content_type)
      post("/invocation/#{request_id}/response", body, "Content-Type: #{content_type}\r\n")
    end

    def fail(request_id, error)
      post("/invocation/#{request_id}/error", error.json, error.header)
    end

    def fail_init(error)
      post('/init/error', error.json, error.header)
    end

    private

    # Refusals (413 for an answer that is too long) are the platform's to report: the next invocation goes on.
    def post(path, body, headers)
      head = "POST /2018-06-01/runtime#{path} HTTP/1.1\r\n#{@common}#{headers}Content-Length: #{body.bytesize}\r\n\r\n"
      answer = exchange(head.b << body.b)
      raise IOError, "POST #{path} answered #{answer.status}" if answer.status >= 500
    end

    # A connection that the server closed while it was idle is replaced once.
    def exchange(request)
      kept = !@socket.nil?
      begin
        connect unless kept
        @socket.write(request)
        read_answer
      rescue Errno::ECONNRESET, Errno::EPIPE, EOFError
        @socket&.close
        @socket = nil
        raise unless kept

        kept = false
        retry
      end
    end

    def connect
      @socket = TCPSocket.new(@host, @port)
      @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
      @socket.binmode
      @socket.sync = true
    end

    def read_line
      (@socket.gets("\r\n") || raise(EOFError, 'the Runtime API closed the connection')).chomp("\r\n")
    end

    def read_exactly(length)
      body = @socket.read(length)
      raise EOFError, 'the Runtime API closed the connection' unless body && body.bytesize == length

      body
    end

    def read_answer
      status = read_line.split(' ', 3)[1].to_i
      headers = {}
      until (line = read_line).empty?
        name, value = line.split(':', 2)
        headers[name.downcase] = value.to_s.strip.force_encoding(Encoding::UTF_8)
      end
      body = headers['transfer-encoding'].to_s.casecmp?('chunked') ? read_chunks : read_exactly(headers['content-length'].to_i)
      if headers['connection'].to_s.casecmp?('close')
        @socket.close
        @socket = nil
      end
      Answer.new(status, headers, body.force_encoding(Encoding::UTF_8))
    end

    def read_chunks
      body = String.new
      until (size = read_line.to_i(16)).zero?
        body << read_exactly(size)
        read_line
      end
      nil until read_line.empty?
      body
    end
  end

  # Loggers on standard output or error write a JSON object a line: what a function gets whose log format is JSON.
  module JSONLog
    # What stands for a logger's own format, unless it is given another.
    class Formatter
      def call(severity, time, _progname, message)
        Apus::JSONLog.record(severity, message, time)
      end
    end

    # Prepended to Logger. As in AWS's client, no device means standard output.
    module Defaults
      def initialize(device, *arguments, **options)
        if device.nil? || device.equal?($stdout) || device.equal?($stderr)
          options = { level: Apus::JSONLog.level, formatter: Formatter.new }.merge(options)
          options[:formatter] ||= Formatter.new
          device ||= $stdout
        end
        super(device, *arguments, **options)
      end
    end

    class << self
      def wanted?
        ENV['AWS_LAMBDA_LOG_FORMAT'].to_s.casecmp?('JSON')
      end

      # Before the function is loaded: it may keep a logger from then on.
      def install
        require 'logger'
        ::Logger.prepend(Defaults)
      end

      # Logger knows nothing below DEBUG.
      def level
        name = ENV['AWS_LAMBDA_LOG_LEVEL'].to_s.upcase
        name = 'DEBUG' if name == 'TRACE'
        %w[DEBUG INFO WARN ERROR FATAL].include?(name) ? name : 'INFO'
      end

      # One line. An exception is shown as the one that a handler raised.
      def record(level, message, time = Time.now, more = {})
        entry = { timestamp: time.getutc.strftime('%Y-%m-%dT%H:%M:%S.%LZ'), level: level }
        if message.is_a?(Exception)
          entry[:message] = Failure.text(message.message)
          more = { errorType: message.class.to_s, stackTrace: Failure.frames(message) }
        else
          entry[:message] = Failure.text(message.is_a?(String) ? message : message.inspect)
        end
        entry[:requestId] = $_global_aws_request_id if $_global_aws_request_id # rubocop:disable Style/GlobalVars
        JSON.generate(entry.merge(more)) << "\n"
      end
    end
  end

  # A Ruby exception as AWS shows it.
  class Failure
    # These names are told to the platform, all others are `UserException` there.
    TOLD = %w[ArgumentError NoMethodError Exception StandardError NameError LoadError SystemExit SystemStackError].freeze
    FRAMES = 100

    def initialize(exception, phase)
      @type = "#{phase}<#{exception.class}>"
      @told = TOLD.include?(exception.class.to_s) ? @type : 'Function<UserException>'
      @document = {
        errorMessage: Failure.text(exception.message), errorType: @type, stackTrace: Failure.frames(exception)
      }
    end

    def json
      @document.to_json
    end

    def header
      "Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: #{@told}\r\n"
    end

    # One record of the log: its lines are separated by carriage returns.
    def log(message)
      return $stdout.write(JSONLog.record('ERROR', message, Time.now, @document)) if JSONLog.wanted?

      $stdout.write([message, *JSON.pretty_generate(@document).split("\n")].join("\r") << "\n")
    end

    class << self
      def text(value)
        value = value.to_s.dup
        value.force_encoding(Encoding::UTF_8) if value.encoding == Encoding::BINARY
        value.encode(Encoding::UTF_8, invalid: :replace, undef: :replace).scrub
      end

      # Those of the function.
      def frames(exception)
        frames = (exception.backtrace || []).reject { |line| line.start_with?("#{__FILE__}:") }
        frames.first(FRAMES).map { |line| text(line) }
      end
    end
  end

  # The life of an environment.
  class Runner
    def initialize(api)
      @api = api
    end

    def run(app_root, handler)
      $LOAD_PATH.unshift(app_root) unless $LOAD_PATH.include?(app_root)
      begin
        @handler = LambdaHandler.new(env_handler: handler)
        require @handler.handler_file_name
      rescue Exception => e # rubocop:disable Lint/RescueException
        failure = Failure.new(e, 'Init')
        failure.log("Init error when loading handler #{handler}")
        @api.fail_init(failure)
        exit(252)
      end
      loop { serve(@api.next) }
    end

    private

    # As on AWS, a StandardError fails its invocation; names that do not exist, and what is no StandardError, end the
    # environment besides.
    def serve(invocation)
      request_id = invocation['Lambda-Runtime-Aws-Request-Id']
      $_global_aws_request_id = request_id # rubocop:disable Style/GlobalVars
      ENV['_X_AMZN_TRACE_ID'] = invocation['Lambda-Runtime-Trace-Id']
      begin
        body, content_type = answer(invocation)
      rescue Exception => e # rubocop:disable Lint/RescueException
        goes_on = e.is_a?(StandardError) && !e.is_a?(NameError)
        return refuse(request_id, e, 'Error raised from handler method') if goes_on

        refuse(request_id, e, 'Critical exception from handler')
        exit(255)
      end
      @api.respond(request_id, body, content_type || 'application/json')
    end

    def answer(invocation)
      context = LambdaContext.new(invocation)
      request = AwsLambda::Marshaller.marshall_request(invocation)
      body, content_type = @handler.call_handler(request: request, context: context)
      [body.respond_to?(:read) ? body.read.to_s : body.to_s, content_type]
    end

    def refuse(request_id, exception, message)
      failure = Failure.new(exception, 'Function')
      failure.log(message)
      @api.fail(request_id, failure)
    end
  end
end

if __FILE__ == $PROGRAM_NAME
  Apus::Zygote.become if ENV.key?('APUS_ZYGOTE')
  Apus.await_function(ENV['APUS_BINDING'].to_i) if ENV.key?('APUS_BINDING')
  Apus::Zygote.give_way
  LazyGems.prepare
  Apus::JSONLog.install if Apus::JSONLog.wanted?
  Apus::Runner.new(Apus::RuntimeAPI.new(ENV.fetch('AWS_LAMBDA_RUNTIME_API'))).run(Dir.pwd, ENV.fetch('_HANDLER'))
end
