# What this interpreter is, as name=value lines.
require 'rbconfig'
require 'rubygems'
puts "version=#{RUBY_VERSION}"
puts "engine=#{RUBY_ENGINE}"
puts "prefix=#{File.realpath(RbConfig::CONFIG['prefix'])}"
puts "executable=#{File.realpath(RbConfig.ruby)}"
# Not the gems of the user that the server runs as.
(Gem.default_path - [Gem.user_dir]).each { |path| puts "packages=#{path}" if File.directory?(path) }
