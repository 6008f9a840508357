<?php
// Roundcube as most sites have it: all that it does is decided by its defaults.
// The suite names its own directory, and the server, in the environment.
$dir = getenv('ROUNDCUBE_TEST');
$config = [
    'db_dsnw' => "sqlite:///$dir/db",
    'imap_host' => getenv('ROUNDCUBE_IMAP'),
    'smtp_host' => getenv('ROUNDCUBE_SMTP'),
    'smtp_user' => '',
    'log_dir' => "$dir/logs/",
    'temp_dir' => "$dir/temp/",
    'imap_debug' => true,
    'des_key' => 'twenty-four octets here.',
    'language' => 'en_US',
    'create_default_folders' => true,
    'mail_domain' => 'a.test',
    'plugins' => [],
];
