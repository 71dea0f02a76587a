<?php
// Webmail of the mailboxes here; its data is one file on the volume.
$config = [
    'db_dsnw' => 'sqlite:////data/roundcube/roundcube.db?mode=0640',
    'imap_host' => 'localhost:143',
    'smtp_host' => 'ssl://localhost:465',
    // The certificate is for the mail host's name, and the way leads nowhere else.
    'smtp_conn_options' => ['ssl' => ['verify_peer' => false, 'verify_peer_name' => false]],
    'des_key' => trim(file_get_contents('/run/webmail.key')),
    'log_dir' => '/data/log/roundcube',
    'temp_dir' => '/tmp',
    'product_name' => 'Webmail',
    'support_url' => '',
    'plugins' => [],
    'skin' => 'elastic',
];
