<?php
// Runs before every page: this Roundcube is not where its package would be.
define('INSTALL_PATH', getenv('ROUNDCUBE_TEST') . '/www/');
